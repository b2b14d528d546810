"""The policy of outgoing connections, as a type."""

from __future__ import annotations

from collections.abc import Callable, Sequence

# The addresses at which a URL may be called. Blocks; raises an exception that says why not.
Addresses = Callable[[str], Sequence[str]]
