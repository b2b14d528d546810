"""What the caller heard of what the voice was given: no sentence counts that made no sound.

Stands behind the output, in front of the assistant's side of the context, and lets a text pass
when its sound has. What was interrupted, or broke off, is cut: exactly by the engine where the
voice tells when each word is spoken; else in proportion to the sound that was played.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from pipecat.frames.frames import (
    CancelFrame,
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

CHARACTERS_PER_SECOND = 15.0
"""Of a voice that has not finished any sentence yet."""
TURN_ENDS = (LLMFullResponseEndFrame, LLMAssistantPushAggregationFrame)


class TextTiming(Enum):
    """When a voice's texts come out of the engine."""

    BEHIND = "a sentence behind its sound"
    AHEAD = "sentences ahead of their sound"
    WORDS = "each word as it is spoken"


@dataclass
class HeardText(SystemFrame, TTSTextFrame):
    """Text that an interruption does not overtake: data frames that wait are dropped by it."""


@dataclass
class Sentence:
    """One that was given to the voice and is not told yet."""

    text: str
    context_id: str
    broken: bool = False
    """Its voice has failed."""


@dataclass
class Words:
    """A turn of a voice that gives its words one by one."""

    context_id: str | None = None
    first: int | None = None
    """When the first was due, by the engine's clock; nanoseconds."""
    told: int = 0
    """Characters that were let pass."""
    over: bool = False
    """All its sound is out."""


def truncate(text: str, seconds: float, rate: float) -> str:
    """The whole words that fit into so many seconds at ``rate`` characters per second."""
    fits = int(max(0.0, seconds) * rate)
    if fits >= len(text):
        return text
    words = text[: fits + 1].rsplit(None, 1)
    return words[0].rstrip() if len(words) > 1 else ""


class SpokenTextTracker(FrameProcessor):
    """One call's."""

    def __init__(self, unheard: Callable[[], float], texts: TextTiming) -> None:
        """``unheard``: seconds that went out and were cleared at the carrier just now."""
        super().__init__()
        self._unheard = unheard
        self._texts = texts
        self._waiting = list[Sentence]()
        self._held = list[Frame]()
        self._played = 0.0
        """Seconds of sound since the last text that was told; of words, since their turn began."""
        self._words = Words()
        self._rate = CHARACTERS_PER_SECOND

    def asked(self, context_id: str, text: str) -> None:
        """The voice is given a sentence."""
        self._waiting.append(Sentence(text, context_id))

    async def broke(self) -> None:
        """The voice has failed; it was at the last sentence."""
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
        """The sound of a sentence is out: its own rate is the voice's."""
        sentence = self._waiting.pop(0) if self._waiting else Sentence(frame.text, "")
        played, self._played = self._played, 0.0
        await self._tell([frame], played, broken=sentence.broken)

    async def _hold(self, frame: Frame) -> None:
        self._held.append(frame)
        await self._release()

    async def _release(self) -> None:
        """Words whose sound has gone out, and the turn's end behind them. The engine gives them by
        the clock, also when the sound is late, and all the rest of a voice that broke off."""
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
        """Nothing more of this turn sounds, of a voice that gives whole sentences."""
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
