"""What came of each turn of a call: the events that a scenario may expect. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from app.cli.scenarios.heard import Heard
from app.cli.scenarios.play import Played, messages
from providers.common.json_types import JsonObject
from providers.simulation.script import TakenTurn

ENDLESS = float("inf")
# Seconds; more than a message needs on one machine. Then the clocks of two machines differ.
CLOCKS_DIFFER = 2.0


@dataclass(frozen=True, slots=True)
class Step:
    """One turn of the call: from its begin to the next one's. Times are seconds since 1970."""

    number: int
    since: float
    until: float
    taken: TakenTurn | None
    following: TakenTurn | None


@dataclass(frozen=True, slots=True)
class Came:
    """An event that came. ``after_ms``: see ``Expectation.within_ms``."""

    text: str
    after_ms: float | None = None
    calls: Sequence[tuple[str, Any]] = ()


class Events:
    """Reads the events of a call that was played."""

    def __init__(self, played: Played) -> None:
        self._played = played
        self._heard = Heard.of(played.tape)
        self.messages = messages(played.call)
        self.calls = played.script.tool_calls()

    def steps(self) -> list[Step]:
        """The turns that were reached. The greeting is one if the first turn listens."""
        taken = list(self._played.taken)
        following = [*taken[1:], None]
        first = taken[0].at if taken else ENDLESS
        steps = [Step(0, 0.0, first, None, taken[0] if taken else None)]
        for each, then in zip(taken, following, strict=False):
            until = ENDLESS if then is None else then.at
            steps.append(Step(each.turn.number, each.at, until, each, then))
        return steps if self._played.script.scenario.turns[0].listens else steps[1:]

    def latency(self, step: Step) -> float | None:
        """Milliseconds from the turn's last sound to the answer's first; None: none came."""
        if step.taken is None:
            return None
        until = ENDLESS if step.following is None else step.following.began
        return self._heard.answer_after(step.taken, until)

    def _said(self, step: Step, role: str) -> str:
        inside = (
            str(each.get("message", ""))
            for each in self.messages
            if each.get("role") == role and step.since <= self._time(each) < step.until
        )
        return " ".join(text for text in inside if text)

    def _time(self, message: JsonObject) -> float:
        """When a message began, in seconds since 1970 by our clock."""
        return float(message.get("time", 0)) / 1000 + self._clock_offset

    @cached_property
    def _clock_offset(self) -> float:
        """Seconds that our clock is ahead of the server's, at most; 0 on one machine."""
        told = [
            each.at - float(each.body["timestamp"]) / 1000
            for each in self._played.script.messages
            if isinstance(each.body.get("timestamp"), int | float)
        ]
        least = min(told, default=0.0)
        return least if abs(least) > CLOCKS_DIFFER else 0.0

    def response(self, step: Step) -> Came | None:
        text = self._said(step, "bot")
        return Came(text, self.latency(step)) if text else None

    def user_transcription(self, step: Step) -> Came | None:
        text = self._said(step, "user")
        return Came(text) if text else None

    def function_call(self, step: Step) -> Came | None:
        inside = [each for each in self.calls if step.since <= each[0] < step.until]
        if not inside:
            return None
        after = None
        if step.taken is not None:
            ended = step.since + self._heard.end_of(step.taken) - step.taken.began
            after = (inside[0][0] - ended) * 1000
        calls = [(name, arguments) for _, name, arguments in inside]
        return Came(", ".join(f"{name}({arguments})" for name, arguments in calls), after, calls)

    def bot_interrupted(self, step: Step) -> Came | None:
        """The assistant was speaking when the turn began, and its words were cut."""
        stopped = None if step.taken is None else self._heard.stopped(step.taken)
        spoken = (each for each in self.messages if each.get("role") == "bot")
        before = [each for each in spoken if self._time(each) < step.since]
        if stopped is None or not before or not before[-1].get("interrupted"):
            return None
        return Came(str(before[-1].get("message")), stopped)

    def bot_stopped_speaking(self, step: Step) -> Came | None:
        stopped = None if step.taken is None else self._heard.stopped(step.taken)
        return None if stopped is None else Came("", stopped)


EVENTS: Mapping[str, Callable[[Events, Step], Came | None]] = {
    "response": Events.response,
    "user_transcription": Events.user_transcription,
    "function_call": Events.function_call,
    "bot_interrupted": Events.bot_interrupted,
    "bot_stopped_speaking": Events.bot_stopped_speaking,
}
