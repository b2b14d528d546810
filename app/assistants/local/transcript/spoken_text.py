"""Tracks the text that the caller heard. A sentence counts only as far as its audio was played.

The processor stands behind the output, in front of pipecat's assistant aggregator. It passes a text
once its audio has played. Interrupted or broken speech is truncated. pipecat does so exactly for
voices that report when each word is spoken. For others this file does it in proportion to the
audio.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from pipecat.frames.frames import (
    CancelFrame,
    ControlFrame,
    EndFrame,
    Frame,
    InterruptionFrame,
    LLMAssistantPushAggregationFrame,
    LLMFullResponseEndFrame,
    SystemFrame,
    TTSAudioRawFrame,
    TTSStoppedFrame,
    TTSTextFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

# Speaking rate of a voice that has not finished any sentence yet.
CHARACTERS_PER_SECOND = 15.0
TURN_ENDS = (LLMFullResponseEndFrame, LLMAssistantPushAggregationFrame)


class TextTiming(Enum):
    """When pipecat emits a voice's texts."""

    BEHIND = "a sentence behind its sound"
    AHEAD = "sentences ahead of their sound"
    WORDS = "each word as it is spoken"


@dataclass
class HeardText(SystemFrame, TTSTextFrame):
    """Text that an interruption does not drop, as it drops waiting data frames."""


@dataclass
class Fence(ControlFrame):
    """Follows everything that was to be spoken before it."""

    interruptible: bool = field(default=False, init=False)


@dataclass
class Sentence:
    """A sentence that the voice has and the conversation has not."""

    text: str
    context_id: str
    broken: bool = False
    """The voice failed on it."""


@dataclass
class Words:
    """One turn of a voice that emits its words one by one."""

    context_id: str | None = None
    first: int | None = None
    """When the first word was due, by pipecat's clock; nanoseconds."""
    told: int = 0
    """Characters passed on so far."""
    over: bool = False
    """All its audio is out."""


def truncate(text: str, seconds: float, rate: float) -> str:
    """The whole words that fit into ``seconds`` at ``rate`` characters per second."""
    fits = int(max(0.0, seconds) * rate)
    if fits >= len(text):
        return text
    words = text[: fits + 1].rsplit(None, 1)
    return words[0].rstrip() if len(words) > 1 else ""


class SpokenTextTracker(FrameProcessor):
    """Tracks one call's spoken text."""

    def __init__(self, unheard: Callable[[], float], texts: TextTiming) -> None:
        """``unheard``: seconds of audio that were sent and just cleared at the carrier."""
        super().__init__()
        self._unheard = unheard
        self._texts = texts
        self._waiting = list[Sentence]()
        self._held = list[Frame]()
        # Seconds of audio since the last text, or since the turn began for a voice with words.
        self._played = 0.0
        self._words = Words()
        self._rate = CHARACTERS_PER_SECOND
        # Called once a fence is here.
        self.on_fence: Callable[[], None] = lambda: None

    def asked(self, context_id: str, text: str) -> None:
        """Note a sentence that was given to the voice."""
        self._waiting.append(Sentence(text, context_id))

    def worded(self, text: str) -> None:
        """Note more words of a model that speaks by itself. They come ahead of their sound."""
        if not self._waiting:
            self._waiting.append(Sentence("", ""))
        self._waiting[-1].text += text

    def response_begins(self) -> None:
        """Note that the next words are of another response."""
        if self._waiting and self._waiting[-1].text:
            self._waiting.append(Sentence("", ""))

    async def broke(self) -> None:
        """Note that the voice failed on the last sentence."""
        if self._waiting:
            self._waiting[-1].broken = True
        if self._texts is TextTiming.WORDS:
            await self._release()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if direction is FrameDirection.DOWNSTREAM:
            if isinstance(frame, TTSTextFrame) and not isinstance(frame, HeardText):
                await self._text(frame)
                return
            if isinstance(frame, TURN_ENDS) and self._texts is TextTiming.WORDS:
                await self._hold(frame)
                return
            if isinstance(frame, Fence):
                self.on_fence()
            await self._watch(frame)
        await self.push_frame(frame, direction)

    async def _watch(self, frame: Frame) -> None:
        match frame:
            case TTSAudioRawFrame():
                self._played += len(frame.audio) / (2 * frame.sample_rate)
                if self._texts is TextTiming.WORDS:
                    await self._release()
            case TTSStoppedFrame(context_id=context_id) if self._texts is TextTiming.WORDS:
                if context_id == self._words.context_id:
                    self._words.over = True
                    await self._release()
            case TTSStoppedFrame() if self._texts is TextTiming.AHEAD:
                await self._end()
            case EndFrame() if self._texts is TextTiming.WORDS:
                self._words.over = True
                await self._release()
            case _ if isinstance(frame, TURN_ENDS):
                await self._end()
            case InterruptionFrame() | CancelFrame():
                await self._interrupted()

    # -- a text comes

    async def _text(self, frame: TTSTextFrame) -> None:
        if self._texts is TextTiming.WORDS:
            if frame.context_id != self._words.context_id:
                self._words.over = True
                await self._release()
                self._words, self._played = Words(frame.context_id), 0.0
            await self._hold(frame)
        elif self._texts is TextTiming.AHEAD:
            self._held.append(frame)
        else:
            await self._sentence(frame)

    async def _sentence(self, frame: TTSTextFrame) -> None:
        """Pass on a sentence whose audio is out, and learn the voice's speaking rate from it."""
        sentence = self._waiting.pop(0) if self._waiting else Sentence(frame.text, "")
        played, self._played = self._played, 0.0
        await self._tell([frame], played, broken=sentence.broken)

    async def _hold(self, frame: Frame) -> None:
        self._held.append(frame)
        await self._release()

    async def _release(self) -> None:
        """Pass on words whose audio is out, and the turn's end behind them.

        pipecat emits words by the clock, even if the audio is late. After a failure of the voice it
        emits all the rest.
        """
        broken = any(each.broken for each in self._waiting)
        while self._held and (broken or self._is_out(self._held[0])):
            frame = self._held.pop(0)
            if isinstance(frame, TTSTextFrame):
                told = self._words.told + len(frame.text) + 1
                if broken and told > self._played * self._rate:
                    continue
                self._words.told = told
            else:
                self._waiting.clear()
            await self.push_frame(frame)

    def _is_out(self, frame: Frame) -> bool:
        words, due = self._words, frame.pts
        if words.over or due is None:
            return True
        if isinstance(frame, TTSTextFrame) and words.first is None:
            words.first = due
        waited = 0 if words.first is None else due - words.first
        return waited / 1e9 <= self._played and (self._played > 0 or words.first is None)

    async def _end(self) -> None:
        """End the turn of a voice that emits whole sentences: no more audio of it comes."""
        held = [each for each in self._held if isinstance(each, TTSTextFrame)]
        played, broken = self._played, any(each.broken for each in self._waiting)
        self._held, self._played = [], 0.0
        if self._texts is TextTiming.AHEAD:
            self._waiting.clear()
            if held:
                await self._tell(held, played, broken=broken)

    async def _tell(self, frames: list[TTSTextFrame], played: float, *, broken: bool) -> None:
        text = " ".join(frame.text for frame in frames)
        if broken:
            await self._tell_part(text, played, frames[0].context_id)
        elif played:
            if played > 0.5:
                self._rate = len(text) / played
            for frame in frames:
                await self.push_frame(frame)

    async def _tell_part(self, text: str, played: float, context_id: str | None) -> None:
        heard = truncate(text, played, self._rate)
        if heard:
            await self.push_frame(HeardText(heard, text_type="sentence", context_id=context_id))

    async def _interrupted(self) -> None:
        waiting, played = self._waiting, self._played
        self._waiting, self._held, self._played = [], [], 0.0
        self._words = Words()
        if self._texts is TextTiming.WORDS or not waiting:
            return
        text = " ".join(each.text for each in waiting)
        await self._tell_part(text, played - self._unheard(), waiting[0].context_id)
