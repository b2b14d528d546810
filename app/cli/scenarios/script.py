"""What the stand-ins of one call share with its caller: the turn it is at, and what came to them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.cli.scenarios.caller import Piece, Spoken
from app.cli.scenarios.faults import FAULTS, PARTS, Needs
from app.cli.scenarios.schema import Fault, Reply, Scenario
from providers.common.json_types import JsonDict, JsonObject
from providers.simulation.script import TakenTurn
from providers.simulation.stage import Stage

REPORT = "end-of-call-report"
TOOL_CALLS = "tool-calls"
# Seconds that a turn on the line may be shorter than its sound.
ROUNDING = 0.03


@dataclass(frozen=True, slots=True)
class Message:
    """A server message. ``at``: when it came, seconds since 1970."""

    at: float
    body: JsonDict

    @property
    def type(self) -> str:
        return str(self.body.get("type", ""))


@dataclass
class Script:
    """One call of a scenario. The caller's thread and the stand-ins' one use it."""

    scenario: Scenario
    sounds: Mapping[int, Spoken]
    stage: Stage | None = None
    """The carrier's side of the call, once it is played."""
    messages: list[Message] = field(default_factory=list)
    told: set[tuple[int, int]] = field(default_factory=set)
    """The pieces that a transcriber has told, on whichever of its sockets."""
    problems: list[str] = field(default_factory=list)
    """What the scenario should have told the stand-ins, and does not."""
    _came: threading.Condition = field(default_factory=threading.Condition)

    # -- where the call is

    @property
    def taken(self) -> list[TakenTurn]:
        return list(self.stage.taken) if self.stage is not None else []

    @property
    def step(self) -> int:
        """The turn that the call is at. Before the caller's first it is 0, or -1."""
        if taken := self.taken:
            return taken[-1].turn.number
        return 0 if self.scenario.turns[0].listens else -1

    def said(self) -> Iterator[tuple[int, int, Piece]]:
        """What the caller has said so far: the taken turn's place, the piece's, and the piece."""
        tape = self.stage.tape.seconds if self.stage is not None else 0.0
        for place, taken in enumerate(self.taken):
            spoken = self.sounds.get(taken.turn.number, Spoken(b""))
            for number, piece in enumerate(spoken.pieces):
                now = tape if taken.ended is None else taken.ended
                if taken.began + piece.until <= now + ROUNDING:
                    yield place, number, piece

    def fault(self, part: Needs) -> tuple[str, float] | None:
        """The fault of this part now: its kind, and its seconds."""
        now = [fault for number, fault in self._faults(part) if self._lasts(number, fault)]
        if not now:
            return None
        return now[-1].name.removeprefix(f"{part}_"), now[-1].ms / 1000

    def _faults(self, part: Needs) -> Iterator[tuple[int, Fault]]:
        for number, turn in enumerate(self.scenario.turns):
            if turn.fault and FAULTS[turn.fault.name].needs is part:
                yield number, turn.fault

    def _lasts(self, number: int, fault: Fault) -> bool:
        """Whether a fault at this place is on: from the turn behind it, or from the beginning."""
        turns = self.scenario.turns
        played = [at for at, turn in enumerate(turns) if not _of_vendor(turn.fault)]
        if self.step <= number and any(at < number for at in played):
            return False
        following = [at for at in played if at > number][: fault.turns]
        return fault.turns is None or not following or self.step <= following[-1]

    # -- what the stand-ins need and get

    def reply(self, rounds: int) -> Reply | None:
        """The scripted model's answer. ``rounds``: tools' results since the caller's words."""
        replies = self.scenario.turns[max(self.step, 0)].replies
        return replies[rounds] if rounds < len(replies) else None

    def problem(self, text: str) -> None:
        if text not in self.problems:
            self.problems.append(text)

    def receive(self, body: JsonObject) -> None:
        """Take a server message."""
        with self._came:
            self.messages.append(Message(time.time(), dict(body)))
            self._came.notify_all()

    def await_report(self, seconds: float) -> JsonDict | None:
        """The end-of-call-report, if it comes in time."""
        with self._came:
            self._came.wait_for(lambda: self._report() is not None, seconds)
            return self._report()

    def _report(self) -> JsonDict | None:
        return next((each.body for each in self.messages if each.type == REPORT), None)

    def tool_calls(self) -> list[tuple[float, str, Any]]:
        """The tool calls that came: when, name, and arguments; each once."""
        found = dict[str, tuple[float, str, Any]]()
        for message in self.messages:
            for call in message.body.get("toolCallList", ()) if message.type == TOOL_CALLS else ():
                function = call.get("function") or call
                told = (message.at, str(function.get("name")), function.get("arguments"))
                found.setdefault(str(call.get("id")), told)
        return list(found.values())


def _of_vendor(fault: Fault | None) -> bool:
    return fault is not None and FAULTS[fault.name].needs in PARTS
