"""The model that judges the sound of a pause is asked once, whatever texts come meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any

from pipecat.audio.turn.base_turn_analyzer import BaseTurnAnalyzer, EndOfTurnState
from pipecat.frames.frames import (
    Frame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.utils.asyncio.task_manager import TaskManager
from pipecat.utils.base_object import BaseObject

from app.assistants.local.turns.caller_end import CallerTurnEnd
from app.assistants.local.turns.pause import Helpers
from app.domain.assistant.endpointing import Smart, StartSpeakingPlan
from tests.clock import on_loop


class Slow(BaseTurnAnalyzer):
    """Takes its time for a judgement: the sentence is unfinished, or not."""

    speech_triggered = True
    params: Any = None
    asked = 0
    seconds = 0.2
    found = EndOfTurnState.COMPLETE

    def append_audio(self, buffer: bytes, is_speech: bool) -> EndOfTurnState:
        return EndOfTurnState.INCOMPLETE

    async def analyze_end_of_turn(self) -> tuple[EndOfTurnState, None]:
        self.asked += 1
        await asyncio.sleep(self.seconds)
        return self.found, None

    def clear(self) -> None:
        pass


async def ending() -> tuple[CallerTurnEnd, Slow, asyncio.Event]:
    """A turn's end, its model, and what is set when the turn is over."""
    analyzer, over = Slow(), asyncio.Event()
    helpers = Helpers(lambda: "", lambda _: None, analyzer=analyzer, unfinished_seconds=3.0)
    end = CallerTurnEnd(StartSpeakingPlan(smart=Smart.LOCAL), helpers)
    await BaseObject.setup(end, TaskManager())

    async def stopped(*_: Any) -> None:
        over.set()

    end.add_event_handler("on_user_turn_stopped", stopped)
    return end, analyzer, over


def text(said: str) -> Frame:
    return TranscriptionFrame(said, "caller", "now", finalized=True)


@on_loop
async def test_a_text_that_comes_meanwhile_waits_for_the_same_judgement() -> None:
    end, analyzer, over = await ending()
    await end.process_frame(VADUserStoppedSpeakingFrame(stop_secs=0.2))
    began = asyncio.get_running_loop().time()
    for said in ("a", "table"):
        await asyncio.sleep(0.08)
        await end.process_frame(text(said))
    await over.wait()
    assert asyncio.get_running_loop().time() - began < 0.25
    assert analyzer.asked == 1


@on_loop
async def test_the_next_pause_is_judged_anew() -> None:
    end, analyzer, over = await ending()
    await end.process_frame(text("a"))
    await end.process_frame(VADUserStoppedSpeakingFrame(stop_secs=0.2))
    await asyncio.sleep(0.1)
    await end.process_frame(VADUserStartedSpeakingFrame(start_secs=0.2))
    await asyncio.sleep(0.3)
    assert not over.is_set()
    await end.process_frame(VADUserStoppedSpeakingFrame(stop_secs=0.2))
    await over.wait()
    assert analyzer.asked == 2


@on_loop
async def test_a_judgement_that_does_not_come_is_not_waited_for() -> None:
    """The machine is busy: ``waitSeconds`` decides, also when a text comes behind it."""
    end, analyzer, over = await ending()
    analyzer.seconds, analyzer.found = 5.0, EndOfTurnState.INCOMPLETE
    await end.process_frame(VADUserStoppedSpeakingFrame(stop_secs=0.2))
    began = asyncio.get_running_loop().time()
    await asyncio.sleep(0.5)
    await end.process_frame(text("a table"))
    await over.wait()
    assert 0.59 < asyncio.get_running_loop().time() - began < 0.65
