""""""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """A model's answer, and what was used for it; or ``error``, the sentence that says why none was had."""

    text: str = ""
    model: Mapping[str, Any] = field(default_factory=dict)
    """``provider`` and ``model``, as in an assistant."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    error: str | None = None
    transient: bool = False
    """Of an error: it may be gone soon."""


AskModel = Callable[[Mapping[str, Any], Any, Sequence[Mapping[str, str]], float], ModelAnswer]
"""An assistant's ``model``, the accounts it may use (``vendors.Keys``), the messages, seconds; never raises."""
