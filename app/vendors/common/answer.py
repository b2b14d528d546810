"""Questions to vendors without pipecat: to a model, and to the API of an upstream's calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from app.vendors.common.account import VendorAccount, VendorAccounts
from app.vendors.common.vendor import Config
from providers.common.json_types import JsonDict, JsonObject


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

    @property
    def usage(self) -> JsonDict:
        """Its tokens, as an item of a call's ``costs`` has them."""
        return {"promptTokens": self.prompt_tokens, "completionTokens": self.completion_tokens}


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


@dataclass(frozen=True, slots=True)
class UpstreamAnswer:
    """A call at an upstream, as its API shows it; or ``error``, the reason why there is none."""

    call: JsonObject = field(default_factory=dict, repr=False)
    error: str | None = None
    """The end of a sentence about the upstream."""
    status: int | None = None
    """The answer's; None: there is none."""


class UpstreamCalls(Protocol):
    """The calls of an upstream. It blocks, and never raises."""

    def create(self, account: VendorAccount, body: JsonObject) -> UpstreamAnswer: ...
    def get(self, account: VendorAccount, call_id: str) -> UpstreamAnswer: ...


class NoUpstream:
    """For a process that asks no upstream."""

    def create(self, account: VendorAccount, body: JsonObject) -> UpstreamAnswer:
        return UpstreamAnswer(error="this process asks no upstream")

    def get(self, account: VendorAccount, call_id: str) -> UpstreamAnswer:
        return UpstreamAnswer(error="this process asks no upstream")
