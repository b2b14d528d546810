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
    Frame,
    InterruptionFrame,
    LLMAssistantPushAggregationFrame,
    LLMFullResponseEndFrame,
    SystemFrame,
    TTSAudioRawFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    TTSTextFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

CHARACTERS_PER_SECOND = 15.0
"""Of a voice that has not finished any sentence yet."""
TURN_ENDS = (LLMFullResponseEndFrame, LLMAssistantPushAggregationFrame)


class Texts(Enum):
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


def cut(text: str, seconds: float, rate: float) -> str:
    """The whole words that fit into so many seconds at ``rate`` characters per second."""
    fits = int(max(0.0, seconds) * rate)
    if fits >= len(text):
        return text
    words = text[: fits + 1].rsplit(None, 1)
    return words[0].rstrip() if len(words) > 1 else ""


class Heard(FrameProcessor):
    """One call's."""

    def __init__(self, unheard: Callable[[], float], texts: Texts) -> None:
        """``unheard``: seconds that went out and were cleared at the carrier just now."""
        super().__init__()
        self._unheard = unheard
        self._texts = texts
        self._waiting = list[Sentence]()
        self._held = list[TTSTextFrame]()
        self._played = 0.0
        """Seconds of sound since the last text that was told."""
        self._told = 0
        """Characters of it that were told: of words, which come one by one."""
        self._rate = CHARACTERS_PER_SECOND

    def asked(self, context_id: str, text: str) -> None:
        """The voice is given a sentence."""
        self._waiting.append(Sentence(text, context_id))

    def broke(self) -> None:
        """The voice has failed; it was at the last sentence."""
        if self._waiting:
            self._waiting[-1].broken = True

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if direction is FrameDirection.DOWNSTREAM:
            if isinstance(frame, TTSTextFrame) and not isinstance(frame, HeardText):
                await self._text(frame)
                return
            await self._watch(frame)
        await self.push_frame(frame, direction)

    async def _watch(self, frame: Frame) -> None:
        match frame:
            case TTSAudioRawFrame():
                self._played += len(frame.audio) / (2 * frame.sample_rate)
                if self._texts is Texts.WORDS:
                    await self._release()
            case TTSStartedFrame() if self._texts is Texts.WORDS:
                self._played, self._told = 0.0, 0
                self._held.clear()
            case TTSStoppedFrame() if self._texts is Texts.AHEAD:
                await self._end()
            case _ if isinstance(frame, TURN_ENDS):
                await self._end()
            case InterruptionFrame() | CancelFrame():
                await self._interrupted()

    # -- a text comes

    async def _text(self, frame: TTSTextFrame) -> None:
        self._held.append(frame)
        if self._texts is Texts.BEHIND:
            await self._sentence()
        elif self._texts is Texts.WORDS and self._played:
            await self._release()

    async def _sentence(self) -> None:
        """The sound of a sentence is out: its own rate is the voice's."""
        [frame] = self._held
        self._held.clear()
        sentence = self._waiting.pop(0) if self._waiting else Sentence(frame.text, "")
        played, self._played = self._played, 0.0
        await self._tell([frame], played, broken=sentence.broken)

    async def _release(self) -> None:
        """Words whose sound goes out now. Of a voice that broke off, the engine gives the rest too."""
        held, self._held = self._held, []
        broken = any(each.broken for each in self._waiting)
        for frame in held:
            told = self._told + len(frame.text) + 1
            if not broken or told <= self._played * self._rate:
                self._told = told
                await self.push_frame(frame)

    async def _end(self) -> None:
        """Nothing more of this turn sounds."""
        held, played = self._held, self._played
        broken = any(each.broken for each in self._waiting)
        self._held, self._played = [], 0.0
        if self._texts is not Texts.BEHIND:
            self._waiting.clear()
        if held and self._texts is Texts.AHEAD:
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
        heard = cut(text, played, self._rate)
        if heard:
            await self.push_frame(HeardText(heard, text_type="sentence", context_id=context_id))

    async def _interrupted(self) -> None:
        waiting, played = self._waiting, self._played
        self._waiting, self._held, self._played = [], [], 0.0
        if self._texts is Texts.WORDS or not waiting:
            return
        text = " ".join(each.text for each in waiting)
        await self._tell_part(text, played - self._unheard(), waiting[0].context_id)
