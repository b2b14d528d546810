"""Voicemail detection by what is said: Vapi's ``voicemailDetection``, in the pipeline.

The first words of the callee are compared with what answering machines say. After a match the model
hears no more of it. The greeting is waited for, so that the machine records the whole message.
pipecat's ``extensions/voicemail`` asks a model instead, which costs a request on every call.
https://docs.vapi.ai/calls/voicemail-detection
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

from app.assistants.local.takeover.hold import Hold
from app.assistants.local.turns.eager_request import EagerRequests
from providers.common.audio import level

# What machines say and people seldom do.
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
MACHINE = re.compile("|".join(PHRASES), re.IGNORECASE)
# After this many other utterances it is a person.
UTTERANCES = 3
# Mean level of audio that is not silence, of 32767.
LOUD = 300
# Silence after which a greeting and its beep are over.
QUIET_SECONDS = 1.2
# The longest wait for a greeting's end.
GREETING_SECONDS = 30.0


def is_machine(text: str) -> bool:
    """Whether these are an answering machine's words."""
    return MACHINE.search(text) is not None


class VoicemailDetector(FrameProcessor):
    """A processor between the transcriber and the turn detection."""

    def __init__(
        self, found: Callable[[], Coroutine[Any, Any, None]], *, by_text: bool = False
    ) -> None:
        """``found`` is called once, when a machine has answered.

        ``by_text``: there is no audio, and a text is a whole turn.
        """
        super().__init__()
        self._found = found
        self._by_text = by_text
        self._left = UTTERANCES
        self._quiet = 0.0
        self._over = asyncio.Event()
        # Whether a machine was heard.
        self.machine = False

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
            final = isinstance(frame, TranscriptionFrame)
            if self.judge(frame.text, final=final):
                if self._by_text and final:
                    self._over.set()
                return
        elif self.machine and isinstance(frame, InputAudioRawFrame):
            frame = self._deafened(frame)
        await self.push_frame(frame, direction)

    def judge(self, text: str, *, final: bool) -> bool:
        """Whether a machine said this."""
        if not self.machine and self._left > 0 and is_machine(text):
            self.machine = True
            self.create_task(self._found())
        self._left -= final
        return self.machine

    def _deafened(self, frame: InputAudioRawFrame) -> InputAudioRawFrame:
        """Return silence of the same length: the greeting must not interrupt the message."""
        length = len(frame.audio) / (2 * frame.sample_rate)
        self._quiet = 0.0 if level(frame.audio) > LOUD else self._quiet + length
        if self._quiet >= QUIET_SECONDS:
            self._over.set()
        return InputAudioRawFrame(
            audio=bytes(len(frame.audio)), sample_rate=frame.sample_rate, num_channels=1
        )


class AfterTurnFilter(FrameProcessor):
    """Drops frames that no processor behind the turn detection needs.

    Behind it the caller's audio is unused, and each processor it would pass costs time. A machine
    gets no answer of the model, and no caller does while a supervisor has the call. A request that
    was withdrawn gets none either.
    """

    def __init__(
        self, screen: VoicemailDetector | None, hold: Hold, eager: EagerRequests | None
    ) -> None:
        super().__init__()
        self._screen = screen
        self._hold = hold
        self._eager = eager

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        unanswered = self._hold.held or (self._screen is not None and self._screen.machine)
        if isinstance(frame, InputAudioRawFrame):
            return
        if isinstance(frame, LLMContextFrame):
            if self._eager is not None and (unanswered or not frame.speculation):
                # there is no answer to it, or another request takes its place
                self._eager.wanted = None
            if unanswered or self._is_withdrawn(frame):
                return
        await self.push_frame(frame, direction)

    def _is_withdrawn(self, frame: LLMContextFrame) -> bool:
        return self._eager is not None and self._eager.is_withdrawn(frame)
