""""""

from __future__ import annotations

from collections.abc import Callable, Sequence

Addresses = Callable[[str], Sequence[str]]
"""Where a client's URL may be fetched from. Blocks; raises an exception that says why it may not be."""
