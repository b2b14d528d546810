"""Which turns are measured and from where to where, frame by frame and sample by sample."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Callable
from typing import Any, cast

import pytest
from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    EagerEndOfTurnCancelFrame,
    Frame,
    InterruptionFrame,
    LLMContextFrame,
    LLMTextFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.observers.base_observer import FramePushed
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMUserAggregator
from pipecat.processors.frame_processor import FrameDirection

from app.assistants.local.latency import turns
from app.assistants.local.latency.parts import TurnLatency
from app.assistants.local.latency.turns import TurnTimer
from app.assistants.local.observer import Callbacks, CallObserver
from app.assistants.local.takeover.hold import Hold
from app.media.sounds import Sounds

RATE = 8000
STEP = 0.02
SOURCE = cast(Any, object.__new__(LLMUserAggregator))
FRAMES: dict[str, Callable[[], Frame]] = {
    "speaks": VADUserStartedSpeakingFrame,
    "stops": lambda: VADUserStoppedSpeakingFrame(stop_secs=0.2),
    "text": lambda: TranscriptionFrame("Yes.", "", ""),
    "asked": lambda: LLMContextFrame(LLMContext()),
    "word": lambda: LLMTextFrame("Well"),
    "voice": lambda: TTSAudioRawFrame(bytes(320), RATE, 1),
    "begins": BotStartedSpeakingFrame,
    "ends": BotStoppedSpeakingFrame,
    "cut": InterruptionFrame,
    "withdrawn": EagerEndOfTurnCancelFrame,
}
SPOKEN = [(1.0, 2.0)]
"""Seconds in which the caller is audible."""
TURN = [(1.2, "speaks"), (2.3, "stops"), (2.5, "asked"), (3.0, "begins")]
Steps = list[tuple[float, str]]
Spans = list[tuple[float, float]]


def pcm(seconds: float, level: int = 3000) -> bytes:
    return array("h", [level, -level] * round(seconds * RATE / 2)).tobytes()


class Line:
    """A call whose caller and assistant are audible as told, and whose pipeline reports ``steps``."""

    def __init__(self, caller: Spans, assistant: Spans, steps: Steps) -> None:
        self.now = 0.0
        self.found = list[TurnLatency]()
        self._caller, self._assistant, self._steps = caller, assistant, sorted(steps)
        self.sounds = Sounds(RATE, lambda: self.now, 0.0)
        self._timer = TurnTimer(self.sounds, self.found.append)

    async def run(self, until: float) -> None:
        observer = CallObserver(Callbacks(), self._timer, Hold(), transcribed=False)
        for step in range(1, round(until / STEP) + 1):
            self.now = step * STEP
            while self._steps and self._steps[0][0] <= self.now + 1e-9:
                frame = FRAMES[self._steps.pop(0)[1]]()
                pushed = FramePushed(SOURCE, SOURCE, frame, FrameDirection.DOWNSTREAM, 0)
                await observer.on_push_frame(pushed)
            self.sounds.heard(pcm(STEP) if self._sounds(self._caller, self.now) else bytes(320))
            if self._sounds(self._assistant, self.now + STEP):
                self.sounds.said(pcm(STEP), 0.0)

    def _sounds(self, spans: Spans, end: float) -> bool:
        return any(first < end - 1e-9 and end <= last + 1e-9 for first, last in spans)


@pytest.mark.parametrize(
    ("caller", "assistant", "steps", "waits"),
    [
        (SPOKEN, [(3.0, 4.0)], TURN, [1.0]),
        # the greeting answers nothing
        ([], [(1.0, 2.0)], [(0, "asked"), (1, "begins")], []),
        # an answer in several pieces has one beginning
        (SPOKEN, [(3.0, 3.5), (4.0, 4.5)], TURN, [1.0]),
        # a noise that the model was not asked about, and a question whether they are there
        (SPOKEN, [(5.0, 6.0)], [(1.2, "speaks"), (2.3, "stops"), (5, "begins")], []),
        # a pause within a turn
        (
            [(1.0, 2.0), (2.4, 3.0)],
            [(4.0, 5.0)],
            [(1, "speaks"), (2.2, "stops"), (2.5, "speaks"), (3.2, "stops"), (3.5, "asked")],
            [1.0],
        ),
        # the caller goes on before the answer: the question is another one
        (
            [(1.0, 2.0), (2.6, 3.0)],
            [(4.0, 5.0)],
            [*TURN[:3], (2.7, "speaks"), (2.7, "cut"), (3.2, "stops"), (3.5, "asked")],
            [1.0],
        ),
        # a word into the assistant's own
        (
            SPOKEN,
            [(0.5, 2.6), (4.0, 5.0)],
            [(0.5, "begins"), (1, "speaks"), (2.2, "stops"), (2.8, "ends"), (3, "asked")],
            [],
        ),
        # an interruption is a turn like others
        (
            SPOKEN,
            [(0.5, 1.2), (3.0, 4.0)],
            [(0.5, "begins"), (1.2, "speaks"), (1.2, "cut"), (1.2, "ends"), *TURN[1:]],
            [1.0],
        ),
        # asked once more, of a model that stands in for the first
        (SPOKEN, [(4.0, 5.0)], [*TURN[:3], (3.5, "asked")], [2.0]),
        # keys have no sound
        ([], [(3.0, 4.0)], [(1, "asked")], []),
        # a breath in between is the caller's last sound
        ([(1.0, 2.0), (2.6, 2.7)], [(3.0, 4.0)], TURN, [0.3]),
        # the caller talks as the answer comes
        ([(1.0, 2.0), (2.8, 3.4)], [(3.0, 4.0)], TURN, []),
        # the detector heard what was not audible
        ([(0.1, 0.2)], [(0.3, 0.8), (3.0, 4.0)], TURN, []),
        # an answer that is never heard
        (SPOKEN, [], TURN, []),
    ],
)
def test_waits(
    monkeypatch: pytest.MonkeyPatch,
    caller: Spans,
    assistant: Spans,
    steps: Steps,
    waits: list[float],
) -> None:
    line = Line(caller, assistant, steps)
    monkeypatch.setattr(turns, "now", lambda: line.now)
    asyncio.run(line.run(6.0))
    assert [each.turn for each in line.found] == pytest.approx(waits, abs=0.005)


def test_the_parts_follow_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = [
        *((1.2, "speaks"), (2.3, "stops"), (2.4, "text"), (2.5, "asked")),
        *((2.7, "word"), (2.76, "voice")),
    ]
    line = Line(SPOKEN, [(2.9, 4.0)], steps)
    monkeypatch.setattr(turns, "now", lambda: line.now)
    asyncio.run(line.run(4.0))
    (turn,) = line.found
    parts = (turn.endpointing, turn.transcriber, turn.model, turn.voice, turn.transport)
    assert parts == pytest.approx((0.4, 0.1, 0.2, 0.06, 0.14), abs=0.005)
    assert (
        turn.told == "900 ms: 400 endpointing, 100 transcriber, 200 model, 60 voice, 140 transport"
    )


def test_a_request_that_was_withdrawn_is_not_the_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model is asked again about the same words, and its part begins there."""
    again = [(2.4, "asked"), (2.5, "withdrawn"), (2.6, "asked"), (2.7, "word"), (2.76, "voice")]
    line = Line(SPOKEN, [(2.9, 4.0)], [(1.2, "speaks"), (2.3, "stops"), *again])
    monkeypatch.setattr(turns, "now", lambda: line.now)
    asyncio.run(line.run(4.0))
    (turn,) = line.found
    assert (turn.endpointing, turn.model) == pytest.approx((0.6, 0.1), abs=0.005)
