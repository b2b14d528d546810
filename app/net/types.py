"""The policy of outgoing connections, as a type."""

from __future__ import annotations

from collections.abc import Callable, Sequence

Addresses = Callable[[str], Sequence[str]]
"""The addresses at which a URL may be called. Blocks; its exception says why the URL may not be."""
