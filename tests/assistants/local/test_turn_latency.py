"""When the caller's wait for an answer begins and ends, frame by frame."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    Frame,
    InterruptionFrame,
    LLMContextFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.observers.base_observer import FramePushed
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMUserAggregator
from pipecat.processors.frame_processor import FrameDirection

from app.assistants.local import observer
from app.assistants.local.observer import Callbacks, CallObserver

SILENCE = 0.2
"""Seconds after which the voice detector is sure."""
SPEAKS, SILENT = VADUserStartedSpeakingFrame, VADUserStoppedSpeakingFrame
ANSWER, ANSWERED = BotStartedSpeakingFrame, BotStoppedSpeakingFrame
ASKED, CUT = LLMContextFrame, InterruptionFrame
SOURCE = cast(Any, object.__new__(LLMUserAggregator))

Steps = list[tuple[float, type[Frame]]]


def frame(kind: type[Frame]) -> Frame:
    if kind is ASKED:
        return ASKED(LLMContext())
    return SILENT(stop_secs=SILENCE) if kind is SILENT else kind()


@pytest.mark.parametrize(
    ("steps", "waits"),
    [
        ([(0, SPEAKS), (2, SILENT), (2.5, ASKED), (3.8, ANSWER)], [2.0]),
        # the greeting answers nothing
        ([(0, ASKED), (1, ANSWER)], []),
        # an answer in several pieces has one beginning
        ([(1, SILENT), (1, ASKED), (2, ANSWER), (3, ANSWERED), (4, ANSWER)], [1.2]),
        # a noise the model was not asked about, and the assistant's question whether they are there
        ([(1, SPEAKS), (2, SILENT), (9, ANSWER)], []),
        # a pause within a turn
        ([(1, SILENT), (1.1, SPEAKS), (4, SILENT), (4.5, ASKED), (5, ANSWER)], [1.2]),
        # the caller goes on before the answer: the question is another one
        (
            [(1, SILENT), (1, ASKED), (2, SPEAKS), (2, CUT), (5, SILENT), (5, ASKED), (6, ANSWER)],
            [1.2],
        ),
        # a word into the assistant's own
        ([(0, ANSWER), (1, SPEAKS), (2, SILENT), (3, ANSWERED), (4, ASKED), (5, ANSWER)], []),
        # an interruption is a turn like others
        (
            [
                (0, ANSWER),
                (1, SPEAKS),
                (1, CUT),
                (1, ANSWERED),
                (3, SILENT),
                (3, ASKED),
                (4, ANSWER),
            ],
            [1.2],
        ),
        # asked once more, of a model that stands in for the first
        ([(1, SILENT), (1, ASKED), (3, ASKED), (4, ANSWER)], [3.2]),
        # keys have no sound
        ([(1, ASKED), (2, ANSWER)], []),
    ],
)
def test_waits(monkeypatch: pytest.MonkeyPatch, steps: Steps, waits: list[float]) -> None:
    now, found = 0.0, list[float]()
    monkeypatch.setattr(observer, "now", lambda: now)

    async def run() -> None:
        nonlocal now
        watching = CallObserver(Callbacks(answered=found.append), transcribed=False)
        for now, kind in steps:  # noqa: B007  # the clock reads it
            pushed = FramePushed(SOURCE, SOURCE, frame(kind), FrameDirection.DOWNSTREAM, 0)
            await watching.on_push_frame(pushed)

    asyncio.run(run())
    assert found == pytest.approx(waits)
