"""What the caller heard of a sentence that was interrupted.

Voices that tell when each word is spoken are cut exactly by the engine. Of the others it drops
the whole sentence: here it is cut in proportion to the sound that was played. Stands behind the
output, in front of the assistant's side of the context.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipecat.frames.frames import (
    CancelFrame,
    Frame,
    InterruptionFrame,
    SystemFrame,
    TTSAudioRawFrame,
    TTSTextFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

CHARACTERS_PER_SECOND = 15.0
"""Of a voice that has not finished any sentence yet."""


@dataclass
class HeardText(SystemFrame, TTSTextFrame):
    """Text that an interruption does not overtake: data frames that wait are dropped by it."""


@dataclass
class Sentence:
    """One that was given to the voice and not finished."""

    text: str
    context_id: str
    played: float = 0.0
    """Seconds of its sound that went out."""


def cut(text: str, seconds: float, rate: float) -> str:
    """The whole words that fit into so many seconds at ``rate`` characters per second."""
    fits = int(max(0.0, seconds) * rate)
    if fits >= len(text):
        return text
    words = text[: fits + 1].rsplit(None, 1)
    return words[0].rstrip() if len(words) > 1 else ""


class Heard(FrameProcessor):
    """Puts what was heard of an interrupted sentence back where the engine drops it."""

    def __init__(self, unheard: Callable[[], float], *, exact: bool) -> None:
        """``unheard``: seconds that went out and were cleared at the carrier just now.
        ``exact``: the voice tells its words' times, so nothing is to be done."""
        super().__init__()
        self._unheard = unheard
        self._exact = exact
        self._waiting = list[Sentence]()
        self._rate = CHARACTERS_PER_SECOND

    def asked(self, context_id: str, text: str) -> None:
        """The voice is given a sentence."""
        if not self._exact:
            self._waiting.append(Sentence(text, context_id))

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if not self._exact and direction is FrameDirection.DOWNSTREAM:
            if isinstance(frame, TTSAudioRawFrame):
                self._count(frame)
            elif isinstance(frame, TTSTextFrame):
                self._finish(frame.text)
            elif isinstance(frame, InterruptionFrame | CancelFrame):
                await self._tell()
        await self.push_frame(frame, direction)

    def _count(self, frame: TTSAudioRawFrame) -> None:
        if self._waiting:
            self._waiting[0].played += len(frame.audio) / (2 * frame.sample_rate)

    def _finish(self, text: str) -> None:
        """A sentence is out: its own rate is the voice's."""
        if not self._waiting:
            return
        sentence = self._waiting.pop(0)
        if sentence.played > 0.5:
            self._rate = len(sentence.text) / sentence.played

    async def _tell(self) -> None:
        sentence = self._waiting[0] if self._waiting else None
        self._waiting.clear()
        if sentence is None:
            return
        text = cut(sentence.text, sentence.played - self._unheard(), self._rate)
        if text:
            await self.push_frame(
                HeardText(text, text_type="sentence", context_id=sentence.context_id)
            )
