"""A text stream as the two ends of a pipeline: the carrier hears, and speaks.

They have the surface of ``transport``'s classes. The output takes the place of the voice, too. It tells
a text to the conversation once the carrier has said it, as far as it was heard.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from pipecat.frames.frames import (
    BotSpeakingFrame,
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    CancelFrame,
    EndFrame,
    Frame,
    InputDTMFFrame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    LLMAssistantPushAggregationFrame,
    LLMFullResponseEndFrame,
    LLMTextFrame,
    StartFrame,
    TranscriptionFrame,
    TTSSpeakFrame,
    TTSStartedFrame,
    UserSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.utils.time import time_now_iso8601

from app.assistants.local.transcript.spoken_text import HeardText
from app.assistants.local.transport import KEYS
from app.assistants.local.turns.by_carrier import CallerInterrupts
from app.media.text_stream import TextStream
from app.vendors.common.speech_parts import Playback
from providers.base.media import CallerSpeaks, Digit, Heard, SpokenOver

# Between two frames that say that the assistant is speaking, as pipecat's output has it.
SPEAKING_SECONDS = 0.2
# The longest wait for what was heard of an interrupted text.
SETTLE_SECONDS = 0.5


class TextInput(FrameProcessor):
    """The caller's words and keys as frames. ``gone`` is called once the carrier has left."""

    def __init__(
        self,
        stream: TextStream,
        gone: Callable[[], None],
        interruptible: Callable[[], bool],
        unsettled: Callable[[], bool],
    ) -> None:
        """``interruptible``: whether the caller may interrupt the text that is with the voice.

        ``unsettled``: whether a text was given to it that the conversation does not have yet.
        """
        super().__init__()
        self._stream = stream
        self._gone = gone
        self._interruptible = interruptible
        self._unsettled = unsettled
        # Set once the conversation has what was heard of a text.
        self.settled = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None
        # Set once the caller is this assistant's: until then it hears nothing.
        self.live = asyncio.Event()
        # The model does not hear the caller (live control ``mute-customer``).
        self.muted = False

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, EndFrame | CancelFrame):
            await self.leave()
        await self.push_frame(frame, direction)
        if isinstance(frame, StartFrame):
            self._reader = self.create_task(self._read())

    async def leave(self) -> None:
        """Hear nothing more: another assistant has the caller."""
        if self._reader is not None:
            self._stream.unread = True
            reader, self._reader = self._reader, None
            await self.cancel_task(reader)

    async def _read(self) -> None:
        await self.live.wait()
        self._stream.unread = False
        async for item in self._stream:
            if not self.muted:
                await self._take(item)
        self._gone()

    async def _take(self, item: object) -> None:
        match item:
            case Heard(text=text, final=final) if text.strip():
                await self.push_frame(UserSpeakingFrame())
                await self._take_turn()
                made = TranscriptionFrame if final else InterimTranscriptionFrame
                await self.push_frame(made(text.strip(), "", time_now_iso8601()))
            case SpokenOver():
                await self._interrupt()
            case CallerSpeaks():
                await self.push_frame(UserSpeakingFrame())
            case Digit(digit=digit) if digit in KEYS:
                await self._take_turn()
                await self.push_frame(InputDTMFFrame(button=KEYS[digit]))

    async def _take_turn(self) -> None:
        """Interrupt a text that the carrier's voice has not begun. One that is over is settled."""
        if self._stream.has_text and self._interruptible():
            await self._interrupt()
        elif self._unsettled() and not self._stream.has_text:
            self.settled.clear()
            await self._wait()

    async def _interrupt(self) -> None:
        """Begin the caller's turn, and settle the text before it."""
        waits = self._stream.has_text or self._unsettled()
        self.settled.clear()
        await self.push_frame(CallerInterrupts())
        if waits:
            await self._wait()

    async def _wait(self) -> None:
        """Wait, within a bound, until the text is settled.

        The model gets the words that follow, and must know what was heard before them.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_SECONDS):
                await self.settled.wait()


class TextOutput(FrameProcessor):
    """The model's texts, one after the other, as the carrier's voice says them."""

    def __init__(
        self,
        stream: TextStream,
        may_interrupt: Callable[[], bool],
        given: Callable[[str], None],
        *,
        first: bool,
    ) -> None:
        """``may_interrupt``: whether the caller may interrupt a text that is given now.

        ``first``: the same of the first text. ``given`` is called with each whole text.
        """
        super().__init__()
        self._stream = stream
        self._may_interrupt = may_interrupt
        self._first = first
        self._given = given
        self._text = ""
        self._speaking: asyncio.Task[None] | None = None
        # The caller does not hear the assistant (live control ``mute-assistant``).
        self.muted = False
        # Those of ``AgentOutputTransport``: no audio is sent.
        self.overheard: Callable[[bytes], None] | None = None
        self.unheard = 0.0

    def hold(self, until: float) -> None:
        """Nothing: the carrier decides when the caller has finished."""

    def playback(self) -> Playback:
        return Playback(0.0, 0.0)

    async def cut(self) -> None:
        """Nothing: an interruption settles the text."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if direction is FrameDirection.DOWNSTREAM:
            match frame:
                case InterruptionFrame() | CancelFrame():
                    await self._interrupted()
                case LLMTextFrame(text=text):
                    await self._say(text)
                    return
                case TTSSpeakFrame(text=text):
                    await self._speak(text)
                    return
                case LLMFullResponseEndFrame():
                    await self._finish()
        await self.push_frame(frame, direction)

    async def _speak(self, text: str) -> None:
        """Say a text that is not the model's. It is a turn of its own."""
        await self._finish()
        await self.push_frame(TTSStartedFrame())
        await self._say(text)
        if self._text:
            await self._finish()
        else:  # the assistant is muted: what waits for the text goes on
            await self.broadcast_frame(BotStoppedSpeakingFrame)
        await self.push_frame(LLMAssistantPushAggregationFrame())

    async def _say(self, token: str) -> None:
        if self.muted or not (self._text or token.strip()):
            return
        self._text += token
        if self._speaking is None:
            await self.broadcast_frame(BotStartedSpeakingFrame)
            self._speaking = self.create_task(self._tick())
        await self._stream.say(token, last=False, interruptible=self.interruptible())

    def interruptible(self) -> bool:
        """Whether the caller may interrupt the text that is with the voice, or will be."""
        return self._first and self._may_interrupt()

    async def _finish(self) -> None:
        """Give the end of the text, wait until it is said, and tell it to the conversation."""
        if self._text:
            self._given(self._text)
            await self._stream.say("", last=True, interruptible=self.interruptible())
            await self._told(await self._stream.spoken())
            self._first = True

    async def _interrupted(self) -> None:
        if self._text:
            await self._told(await self._stream.interrupt())

    async def _told(self, heard: str) -> None:
        self._text = ""
        if heard:
            await self.push_frame(HeardText(heard, text_type="sentence"))
        if self._speaking is not None:
            speaking, self._speaking = self._speaking, None
            await self.cancel_task(speaking)
            await self.broadcast_frame(BotStoppedSpeakingFrame)

    async def _tick(self) -> None:
        while True:
            await self.broadcast_frame(BotSpeakingFrame)
            await asyncio.sleep(SPEAKING_SECONDS)
