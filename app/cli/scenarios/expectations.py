"""What a scenario expects of a turn and of the whole call, as pydantic models."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from providers.common.json_types import JsonDict
from providers.events import EndedReason

UNKNOWN_WORD = "unknown_word"
"""Type of the error about a key that a model does not have. Its context names the ``key``."""

EventName = Literal[
    "response", "function_call", "user_transcription", "bot_interrupted", "bot_stopped_speaking"
]


class Words(BaseModel):
    """A mapping of the file. Another key than the model's is an error that names the allowed."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    shorthand: ClassVar[str | None] = None
    """The field that a plain value stands for."""

    @model_validator(mode="before")
    @classmethod
    def _known(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            if cls.shorthand is None or value is None:
                return value
            return {cls.shorthand: value}
        for key in value:
            if key not in cls.model_fields:
                allowed = ", ".join(cls.model_fields)
                raise PydanticCustomError(
                    UNKNOWN_WORD,
                    "unknown word '{key}'; allowed here: {allowed}",
                    {"key": str(key), "allowed": allowed},
                )
        return value


def wrong(text: str) -> PydanticCustomError:
    """An error with this sentence as it stands."""
    return PydanticCustomError("wrong", "{text}", {"text": text})


def listed(value: Any) -> Any:
    """A plain value as a list of one."""
    return value if isinstance(value, list) or value is None else [value]


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise wrong(f"{value!r} is no regular expression: {error}") from error
    return value


def _reason(value: Any) -> Any:
    if value not in {each.value for each in EndedReason}:
        raise wrong(f"{value!r} is no endedReason; docs/ended-reasons.md lists them")
    return value


Texts = Annotated[list[str], BeforeValidator(listed)]
Patterns = Annotated[list[Annotated[str, BeforeValidator(_pattern)]], BeforeValidator(listed)]
Reasons = Annotated[list[Annotated[str, BeforeValidator(_reason)]], BeforeValidator(listed)]


class Call(Words):
    """A tool call. ``args``: those that must be among its arguments, with these values."""

    shorthand = "name"

    name: str
    args: JsonDict = {}


class Text(Words):
    """What a text must hold, and must not."""

    text_contains: Texts = []
    text_excludes: Texts = []
    text_matches: Patterns = []
    eval: str | None = None
    """A sentence that a judge model must find true of it."""


class Expectation(Text):
    """One event that a turn must bring about, or with ``absent`` must not."""

    shorthand = "event"

    event: EventName
    within_ms: float | None = None
    """From the caller's last sound to the event, as the caller hears it."""
    calls: list[Call] = []
    absent: bool = False

    @model_validator(mode="after")
    def _fits(self) -> Self:
        text = self.text_contains or self.text_excludes or self.text_matches
        if self.calls and self.event != "function_call":
            raise wrong("calls belongs to the event function_call")
        if self.event == "function_call" and (text or self.eval):
            raise wrong("a function_call has calls, and no text")
        if self.event in ("bot_interrupted", "bot_stopped_speaking") and (text or self.eval):
            raise wrong(f"{self.event} has no text")
        if self.absent and (text or self.eval or self.calls or self.within_ms):
            raise wrong("absent stands alone with the event")
        return self


class Recording(Words):
    """The recording that the call must have, in seconds."""

    min_seconds: float = 0.1
    max_seconds: float | None = None


class Cost(Words):
    """The range of the call's ``cost`` in US dollars."""

    min: float = 0.0
    max: float | None = None


class CallExpectation(Text):
    """What the whole call must be. The texts are about its ``transcript``."""

    endedReason: Reasons = []  # noqa: N815 - Vapi's name
    """One of these."""
    serverMessages: Texts = []  # noqa: N815
    """Types of messages that the client's server must have got."""
    calls: list[Call] = []
    """Tool calls, in any order, and perhaps others between them."""
    interruptions: int | None = None
    within_ms: float | None = None
    """Every answer is heard so soon."""
    recording: Recording | None = None
    cost: Cost | None = None
