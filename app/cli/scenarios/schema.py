"""The words of a scenario file, as pydantic models.

The words of ``pipecat.evals`` are used where it has them; the others are about the carrier.
``docs/testing-assistants.md`` is the reference.
https://docs.pipecat.ai/server/utilities/evals
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from app.cli.scenarios.expectations import (
    Call,
    CallExpectation,
    Expectation,
    Words,
    listed,
    wrong,
)
from app.cli.scenarios.faults import FAULTS, PARTS, Needs
from providers.common.dtmf import KEYS
from providers.common.json_types import JsonDict

Callbacks = Literal["lost", "late", "twice", "out_of_order"]
Way = Literal["studio", "number", "bypass", "dialled"]


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
    calls: list[Call] = Field(default_factory=list)


INPUTS = ("user", "dtmf", "audio", "silence_ms", "noise_ms", "fault")


class Turn(Words):
    """One step of the caller, and what must follow it."""

    user: Annotated[list[str | Pause], BeforeValidator(listed)] | None = None
    dtmf: str | None = None
    audio: str | None = None
    """A WAV file beside the scenario's; ``user`` tells its words."""
    silence_ms: int | None = Field(default=None, gt=0)
    noise_ms: int | None = Field(default=None, gt=0)
    fault: Fault | None = None
    send_after: SendAfter | None = None
    replies: Annotated[list[Reply], BeforeValidator(listed)] = Field(default_factory=list)
    """The scripted model's answers in this turn: the next one follows a tool's result."""
    expect: list[Expectation] = Field(default_factory=list)

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
    overrides: JsonDict = Field(default_factory=dict)
    """Fields that replace the assistant's."""
    model: Literal["scripted", "own"] = "scripted"
    transcriber: Literal["scripted", "own"] = "scripted"
    voice: Literal["embedded", "own"] = "embedded"
    turns: list[Turn] = Field(min_length=1)
    tools: dict[str, ToolAnswer] = Field(default_factory=dict)
    """Answers by the tool's name."""
    callbacks: Callbacks | None = None
    """What happens to the carrier's callbacks on their way."""
    settings: dict[str, str] = Field(default_factory=dict)
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
