"""The requests of voices with one HTTP request per sentence. Pure, no I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Request:
    """One POST, answered with raw 16-bit mono PCM of ``sample_rate`` Hz."""

    url: str
    body: bytes
    sample_rate: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


# A sentence in, its request out.
Ask = Callable[[str], Request]
