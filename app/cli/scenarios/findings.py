"""Whether a call was what its scenario expects. Pure, apart from the judge that it is given."""

from __future__ import annotations

import io
import wave
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.cli.scenarios.events import EVENTS, Events, Step
from app.cli.scenarios.expectations import Call, CallExpectation, Expectation, Text
from app.cli.scenarios.play import Played
from app.cli.scenarios.schema import Scenario
from app.cli.scenarios.texts import short, text_failures
from providers.common.json_types import JsonDict

# Asks a judge: the criterion, and the text. Returns why it is not met; empty: it is.
Judge = Callable[[str, str], str]


class NotJudged(Exception):
    """No judge is configured, or it gives no verdict. The message is the reason."""


@dataclass
class Findings:
    """What is wrong with a call, and which of its expectations were not judged."""

    failures: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    """Milliseconds to the first sound of each answer."""


def examine(played: Played, judge: Judge) -> Findings:
    """Compare a call with its scenario."""
    found = Findings(list(played.problems))
    if not played.call:
        return found
    return _Examination(played, judge, found).run()


class _Examination:
    def __init__(self, played: Played, judge: Judge, found: Findings) -> None:
        self._played = played
        self._scenario: Scenario = played.script.scenario
        self._judge = judge
        self._found = found
        self._events = Events(played)

    def run(self) -> Findings:
        answered = [
            each for each in self._events.steps() if each.taken and each.taken.turn.answered
        ]
        heard = (self._events.latency(each) for each in answered)
        self._found.latencies += [each for each in heard if each is not None]
        for number, turn in enumerate(self._scenario.turns):
            step = next((each for each in self._events.steps() if each.number == number), None)
            for each in turn.expect:
                self._check_turn(number, step, each)
        self._check_call(self._scenario.expect)
        return self._found

    def _fail(self, where: str, text: str) -> None:
        self._found.failures.append(f"{where}: {text}")

    # -- turns

    def _check_turn(self, number: int, step: Step | None, wanted: Expectation) -> None:
        where = f"turn {number}, {wanted.event}"
        if step is None:
            self._fail(where, "the call ended before this turn")
            return
        came = EVENTS[wanted.event](self._events, step)
        if wanted.absent:
            if came is not None:
                self._fail(where, f"came, and was to be absent: {short(came.text)}")
            return
        if came is None:
            self._fail(where, "did not come")
            return
        self._check_text(where, came.text, wanted)
        self._check_calls(where, came.calls, wanted.calls)
        if wanted.within_ms is not None:
            self._check_time(where, came.after_ms, wanted.within_ms)

    def _check_time(self, where: str, after: float | None, limit: float) -> None:
        if after is None:
            self._fail(where, "has no moment in what the caller heard")
        elif after > limit:
            self._fail(where, f"came after {after:.0f} ms, not within {limit:.0f}")

    # -- the whole call

    def _check_call(self, wanted: CallExpectation) -> None:
        call = self._played.call
        reason = str(call.get("endedReason"))
        if wanted.endedReason and reason not in wanted.endedReason:
            told = call.get("endedMessage")
            more = f" ({told})" if told else ""
            self._fail("endedReason", f"is {reason}{more}, not {' or '.join(wanted.endedReason)}")
        came = {each.type for each in self._played.script.messages}
        for missing in (each for each in wanted.serverMessages if each not in came):
            self._fail("serverMessages", f"no {missing} came; {', '.join(sorted(came))} did")
        self._check_text("transcript", str(call.get("transcript") or ""), wanted)
        self._check_calls("calls", [each[1:] for each in self._events.calls], wanted.calls)
        self._check_numbers(wanted)

    def _check_numbers(self, wanted: CallExpectation) -> None:
        if wanted.interruptions is not None:
            count = sum(bool(each.get("interrupted")) for each in self._events.messages)
            if count != wanted.interruptions:
                self._fail("interruptions", f"are {count}, not {wanted.interruptions}")
        if wanted.within_ms is not None:
            for number, latency in enumerate(self._found.latencies):
                self._check_time(f"answer {number + 1}", latency, wanted.within_ms)
        if wanted.cost is not None:
            cost = float(self._played.call.get("cost") or 0.0)
            self._check_range("cost", cost, wanted.cost.min, wanted.cost.max, "USD")
        if wanted.recording is not None:
            length, limits = _length(self._played.recording), wanted.recording
            if length is None:
                self._fail("recording", "the call has none")
            else:
                self._check_range("recording", length, limits.min_seconds, limits.max_seconds, "s")

    def _check_range(
        self, where: str, value: float, least: float, most: float | None, unit: str
    ) -> None:
        if value < least or (most is not None and value > most):
            bounds = f"at least {least:g}" if most is None else f"from {least:g} to {most:g}"
            self._fail(where, f"is {value:g} {unit}, not {bounds}")

    # -- texts and calls

    def _check_text(self, where: str, text: str, wanted: Text) -> None:
        for failure in text_failures(text, wanted):
            self._fail(where, failure)
        if wanted.eval is None:
            return
        try:
            if why := self._judge(wanted.eval, text):
                self._fail(where, f"eval {wanted.eval!r}: {why}")
        except NotJudged as reason:
            self._found.skipped.append(f"{where}: eval {wanted.eval!r}: {reason}")

    def _check_calls(
        self, where: str, came: Sequence[tuple[str, Any]], wanted: Sequence[Call]
    ) -> None:
        left = list(came)
        for each in wanted:
            found = next((call for call in left if _matches(call, each)), None)
            if found is None:
                told = ", ".join(f"{name}({arguments})" for name, arguments in came) or "none"
                self._fail(where, f"{each.name}({each.args}) was not called; called: {told}")
            else:
                left.remove(found)


def _matches(call: tuple[str, Any], wanted: Call) -> bool:
    name, arguments = call
    given: JsonDict = arguments if isinstance(arguments, dict) else {}
    return name == wanted.name and all(
        key in given and given[key] == value for key, value in wanted.args.items()
    )


def _length(recording: bytes | None) -> float | None:
    """Seconds of a WAV file; None: it is none."""
    if recording is None:
        return None
    try:
        with wave.open(io.BytesIO(recording)) as file:
            return float(file.getnframes() / file.getframerate())
    except (wave.Error, EOFError):
        return None
