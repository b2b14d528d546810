"""One question to a model without pipecat: its messages, its request, its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from app.vendors.common.account import VendorAccounts
from app.vendors.common.vendor import Config
from providers.common.json_types import JsonObject


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """A model's answer and its usage; or ``error``, the reason why there is none."""

    text: str = ""
    model: JsonObject = field(default_factory=dict)
    """``provider`` and ``model``, as in an assistant."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    error: str | None = None
    transient: bool = False
    """Whether an error may be gone soon."""


# ``role`` and ``content`` of each.
Messages = Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class OneShotRequest:
    """One POST to a model's vendor, whose body is JSON."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: JsonObject = field(repr=False)


# An answer's text, and the tokens of the prompt and of the answer.
Said = tuple[str, tuple[int, int]]


# An assistant's ``model``, the accounts it may use, the messages, seconds; never raises.
AskModel = Callable[[Config, VendorAccounts, Messages, float], ModelAnswer]
