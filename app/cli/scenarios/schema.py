"""The words of a scenario file, as pydantic models.

The words of ``pipecat.evals`` are used where it has them; the others are about the carrier.
``docs/testing-assistants.md`` is the reference.
https://docs.pipecat.ai/server/utilities/evals
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from app.cli.scenarios.faults import FAULTS, PARTS, Needs
from providers.common.dtmf import KEYS
from providers.common.json_types import JsonDict
from providers.events import EndedReason

UNKNOWN_WORD = "unknown_word"
"""Type of the error about a key that a model does not have. Its context names the ``key``."""

EventName = Literal[
    "response", "function_call", "user_transcription", "bot_interrupted", "bot_stopped_speaking"
]
Callbacks = Literal["lost", "late", "twice", "out_of_order"]
Way = Literal["studio", "number", "bypass", "dialled"]


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


def _listed(value: Any) -> Any:
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


Texts = Annotated[list[str], BeforeValidator(_listed)]
Patterns = Annotated[list[Annotated[str, BeforeValidator(_pattern)]], BeforeValidator(_listed)]
Reasons = Annotated[list[Annotated[str, BeforeValidator(_reason)]], BeforeValidator(_listed)]


# ------------------------------------------------------------------ what is expected


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


# ------------------------------------------------------------------ what happens


class Pause(Words):
    """Silence inside what the caller says."""

    pause_ms: int = Field(gt=0)


class SendAfter(Words):
    """When a turn begins, if not after the assistant's words.

    With ``event``: so long after the assistant has begun to speak. Without: so long after the
    caller's own last word, without listening.
    """

    event: Literal["bot_started_speaking"] | None = None
    delay_ms: int = Field(default=0, ge=0)


class Fault(Words):
    """Something that fails from this moment on. ``turns``: for how many turns; None: to the end."""

    shorthand = "name"

    name: str
    ms: int = Field(default=3000, ge=0)
    turns: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _exists(self) -> Self:
        if self.name not in FAULTS:
            raise wrong(f"there is no fault '{self.name}'; there are {', '.join(FAULTS)}")
        return self


class Reply(Words):
    """One answer of the scripted model: words, or tool calls."""

    shorthand = "text"

    text: str = ""
    calls: list[Call] = []


INPUTS = ("user", "dtmf", "audio", "silence_ms", "noise_ms", "fault")


class Turn(Words):
    """One step of the caller, and what must follow it."""

    user: Annotated[list[str | Pause], BeforeValidator(_listed)] | None = None
    dtmf: str | None = None
    audio: str | None = None
    """A WAV file beside the scenario's; ``user`` tells its words."""
    silence_ms: int | None = Field(default=None, gt=0)
    noise_ms: int | None = Field(default=None, gt=0)
    fault: Fault | None = None
    send_after: SendAfter | None = None
    replies: Annotated[list[Reply], BeforeValidator(_listed)] = []
    """The scripted model's answers in this turn: the next one follows a tool's result."""
    expect: list[Expectation] = []

    @model_validator(mode="before")
    @classmethod
    def _keys_as_text(cls, value: Any) -> Any:
        if isinstance(value, Mapping) and isinstance(value.get("dtmf"), int):
            return {**value, "dtmf": str(value["dtmf"])}
        return value

    @model_validator(mode="after")
    def _one_input(self) -> Self:
        given = [name for name in INPUTS if getattr(self, name) is not None]
        if len(given) > 1 and given != ["user", "audio"]:
            raise wrong(f"a turn has one of {', '.join(INPUTS)}, not {' and '.join(given)}")
        if self.dtmf is not None and not (self.dtmf and set(self.dtmf) <= set("".join(KEYS))):
            raise wrong(f"dtmf has the keys 0-9, *, #, A-D, not {self.dtmf!r}")
        goes_on = self.fault is not None and FAULTS[self.fault.name].needs in PARTS
        if self.fault and goes_on and (self.expect or self.replies or self.send_after):
            raise wrong(f"{self.fault.name} goes on: give expect to the turn behind it")
        if self.user is not None and not self.words:
            raise wrong("user says no word")
        return self

    @property
    def words(self) -> str:
        """The caller's words, without pauses."""
        return " ".join(each for each in self.user or () if isinstance(each, str)).strip()

    @property
    def listens(self) -> bool:
        """Whether the caller only listens."""
        return all(getattr(self, name) is None for name in INPUTS)


class ToolAnswer(Words):
    """What the client's server answers to a tool call."""

    shorthand = "result"

    result: Any = None
    error: str | None = None
    status: int | None = Field(default=None, ge=100, le=599)
    """An HTTP status in place of an answer."""
    delay_ms: int = Field(default=0, ge=0)


class JudgeModel(Words):
    """The model that judges: a provider of the assistants' models, and its name there."""

    service: str = "openai"
    model: str | None = None


class Judge(Words):
    """The judge of ``eval``."""

    eval: JudgeModel = JudgeModel()


class AssistantSource(Words):
    """Where the assistant is. ``id``: stored at the server of ``--url``."""

    file: str | None = None
    id: str | None = None


# ------------------------------------------------------------------ the file


class Scenario(Words):
    """One call, and what it must be."""

    name: str = Field(min_length=1)
    carrier: str
    way: Way = "number"
    assistant: JsonDict
    """The assistant itself, or ``file`` or ``id``."""
    overrides: JsonDict = {}
    """Fields that replace the assistant's."""
    model: Literal["scripted", "own"] = "scripted"
    transcriber: Literal["scripted", "own"] = "scripted"
    voice: Literal["embedded", "own"] = "embedded"
    turns: list[Turn] = Field(min_length=1)
    tools: dict[str, ToolAnswer] = {}
    """Answers by the tool's name."""
    callbacks: Callbacks | None = None
    """What happens to the carrier's callbacks on their way."""
    settings: dict[str, str] = {}
    """Settings of the bridge that is started for this scenario."""
    patience_seconds: float = Field(default=15.0, gt=0)
    """How long the caller waits for words of the assistant."""
    expect: CallExpectation = CallExpectation()
    judge: Judge = Judge()

    @model_validator(mode="after")
    def _turns_fit(self) -> Self:
        if any(turn.listens for turn in self.turns[1:]):
            raise wrong(f"only the first turn may be without {', '.join(INPUTS)}")
        scripted = {
            Needs.MODEL: self.model == "scripted",
            Needs.TRANSCRIBER: self.transcriber == "scripted",
            Needs.VOICE: self.voice == "embedded",
        }
        for turn in self.turns:
            if turn.fault is None:
                continue
            fault, needed = turn.fault, FAULTS[turn.fault.name].needs
            if not scripted.get(needed, True):
                raise wrong(f"{fault.name} needs a {needed} of the test's own, not `own`")
        if self.model == "own" and any(turn.replies for turn in self.turns):
            raise wrong("replies are of the scripted model, and this one is the assistant's own")
        return self

    @property
    def needs_process(self) -> bool:
        """Whether a fault is done to the bridge's process."""
        faults = [turn.fault.name for turn in self.turns if turn.fault]
        return any(FAULTS[name].needs is Needs.PROCESS for name in faults)
