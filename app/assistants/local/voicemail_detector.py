"""Voicemail, noticed by what it says: Vapi's ``voicemailDetection`` in the assistant's pipeline.

The first words of whoever answers are compared with what answering machines say. From a match on
nothing that is heard reaches the model; the greeting is waited for to its end, so that the message
is on the tape. https://docs.vapi.ai/calls/voicemail-detection
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine
from typing import Any

from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    LLMContextFrame,
    TranscriptionFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from providers.common.audio import level

PHRASES = (
    r"leave (me |us |him |her )?(a|your) (\w+ )?(message|name)",
    r"(after|at) the (tone|beep)",
    r"(record|leave) (your|a) message",
    r"(reached|forwarded to) (the |an? |my )?(\w+ )?(voice ?mail|mailbox|answering)",
    r"you('ve| have) reached the (voice ?mail|mailbox|phone of|number)",
    r"(can't|cannot|can not|unable to) (take|come to|answer) (your|the) (call|phone)",
    r"(is|am|are) (not|un)\s?available( right now| to take| at the moment|\.)",
    r"mailbox (is full|belonging)",
    r"press (one|1|pound) (for|to) (more|leave|send)",
)
"""What machines say and people seldom do."""
MACHINE = re.compile("|".join(PHRASES), re.IGNORECASE)
UTTERANCES = 3
"""After so many that no machine would say, it is a person."""
LOUD = 300
"""Mean level of sound that is no silence, of 32767."""
QUIET_SECONDS = 1.2
"""Silence after which a greeting and its beep are over."""
GREETING_SECONDS = 30.0
"""The longest greeting that is waited for."""


def is_machine(text: str) -> bool:
    """Whether these are an answering machine's words."""
    return MACHINE.search(text) is not None


class VoicemailDetector(FrameProcessor):
    """Stands between the transcriber and the turns of the caller."""

    def __init__(self, found: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """``found`` is called once, when a machine has answered."""
        super().__init__()
        self._found = found
        self._left = UTTERANCES
        self._quiet = 0.0
        self._over = asyncio.Event()
        self.machine = False
        """Whether a machine was heard."""

    async def greeted(self) -> None:
        """Wait until the greeting is over."""
        try:
            async with asyncio.timeout(GREETING_SECONDS):
                await self._over.wait()
        except TimeoutError:
            return

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, InterimTranscriptionFrame | TranscriptionFrame):
            if self._judge(frame):
                return
        elif self.machine and isinstance(frame, InputAudioRawFrame):
            frame = self._deafened(frame)
        await self.push_frame(frame, direction)

    def _judge(self, frame: InterimTranscriptionFrame | TranscriptionFrame) -> bool:
        """Whether this was said by a machine."""
        if not self.machine and self._left > 0 and is_machine(frame.text):
            self.machine = True
            self.create_task(self._found())
        self._left -= isinstance(frame, TranscriptionFrame)
        return self.machine

    def _deafened(self, frame: InputAudioRawFrame) -> InputAudioRawFrame:
        """Silence of the same length: the rest of the greeting interrupts nobody."""
        length = len(frame.audio) / (2 * frame.sample_rate)
        self._quiet = 0.0 if level(frame.audio) > LOUD else self._quiet + length
        if self._quiet >= QUIET_SECONDS:
            self._over.set()
        return InputAudioRawFrame(
            audio=bytes(len(frame.audio)), sample_rate=frame.sample_rate, num_channels=1
        )


class AfterTurnFilter(FrameProcessor):
    """The caller's sound is of no use behind the turn detector: each hop saved is processor time.
    And a machine gets no answer."""

    def __init__(self, screen: VoicemailDetector | None) -> None:
        super().__init__()
        self._screen = screen

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        unanswered = self._screen is not None and self._screen.machine
        if isinstance(frame, InputAudioRawFrame):
            return
        if unanswered and isinstance(frame, LLMContextFrame):
            return
        await self.push_frame(frame, direction)
