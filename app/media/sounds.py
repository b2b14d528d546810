"""When each side of a call is audible, judged on the samples of the timeline of its recording.

A window of 10 ms is loud from ``LOUD`` on, or from ``ABOVE_NOISE`` times the line's own noise on.
Two such windows in a row are audible: one alone is a click. The sound begins with the first sample
of that level, and ends with the last one.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable

from app.media.recording.timeline import Side, Timeline
from app.media.recording.track import TOLERANCE_SECONDS, WIDTH
from providers.common import audio

WINDOWS_PER_SECOND = 100
LOUD = 184
"""The level, of 32767: 45 dB below the loudest."""
ABOVE_NOISE = 4
"""12 dB."""
CLICK_WINDOWS = 1
MOST_NOISE = 400.0
NOISE_GROWS = 1.0017
"""Factor per window by which the noise is taken to grow: 1.5 dB a second. A quieter window ends it."""
KEPT_RUNS = 8


class Ear:
    """One side: its runs of audible sound."""

    def __init__(self, rate: int) -> None:
        # Called with the first sample of each run.
        self.begins: Callable[[int], None] = lambda _: None
        self._size = rate // WINDOWS_PER_SECOND
        self._held = bytearray()
        self._at = 0
        self._loud = self._first = 0
        self._noise = MOST_NOISE
        # First and last sample of each run, the newest last.
        self._runs = deque[tuple[int, int]](maxlen=KEPT_RUNS)

    def feed(self, pcm: bytes) -> None:
        """Take the next samples of the timeline."""
        self._held += pcm
        width = self._size * WIDTH
        for at in range(0, len(self._held) - width + 1, width):
            self._judge(bytes(self._held[at : at + width]))
        del self._held[: len(self._held) // width * width]

    def last_end(self, before: int) -> int | None:
        """The end of the last sound before a sample. None: there is none, or it sounds then."""
        for first, end in reversed(self._runs):
            if end <= before:
                return end
            if first < before:
                return None
        return None

    def _judge(self, window: bytes) -> None:
        level, at = audio.level(window), self._at
        self._at += self._size
        self._noise = min(float(level), max(1.0, self._noise) * NOISE_GROWS, MOST_NOISE)
        least = max(LOUD, ABOVE_NOISE * self._noise)
        if level < least:
            self._loud = 0
            return
        self._loud += 1
        first, last = _edges(window, least)
        if self._loud == 1:
            self._first = at + first
        elif self._loud == CLICK_WINDOWS + 1:
            self._runs.append((self._first, at + last))
            self.begins(self._first)
        if self._loud > CLICK_WINDOWS:
            self._runs[-1] = (self._first, at + last)


def _edges(window: bytes, least: float) -> tuple[int, int]:
    """The first sample of this level, and the one behind the last. A loud window has one."""
    samples = array("h", window)
    loud = (n for n, each in enumerate(samples) if abs(each) >= least)
    backwards = (n for n, each in enumerate(reversed(samples)) if abs(each) >= least)
    return next(loud), len(samples) - next(backwards)


class Sounds(Timeline):
    """An audio tap that tells when the assistant has become audible, a message later at most."""

    def __init__(self, rate: int, clock: Callable[[], float], began: float) -> None:
        """``began``: that of the call's recorder, if it has one."""
        self._ears = Ear(rate), Ear(rate)
        caller, assistant = (Side(rate, ear.feed) for ear in self._ears)
        super().__init__(rate, clock, began, caller, assistant)
        self._block, self._breaks = 0, True

    def listen(self, begins: Callable[[float], None]) -> None:
        """``begins`` gets the time of the first sample of each run of the assistant's sound."""
        self._ears[1].begins = lambda first: begins(self._time(first))

    def caller_ended(self, before: float) -> float | None:
        """When the caller's last sound before the assistant's, which begins then, ended.

        None: the caller was not audible since the assistant's sound before, or still is.
        """
        at = round((before - self.began) * self._rate)
        end, said = (ear.last_end(at) for ear in self._ears)
        return None if end is None or end < (said or 0) else self._time(end)

    @property
    def block_began(self) -> float:
        """When the assistant's audio, silent or not, began that has been unbroken since."""
        return self._time(self._block)

    def heard(self, pcm: bytes) -> None:
        super().heard(pcm)
        self._assistant.settle(self._now())

    def said(self, pcm: bytes, buffered_seconds: float) -> None:
        before = self._assistant.end
        super().said(pcm, buffered_seconds)
        begins = self._assistant.end - len(pcm) // WIDTH
        if self._breaks or begins - before >= TOLERANCE_SECONDS * self._rate:
            self._block, self._breaks = begins, False

    def cleared(self) -> None:
        super().cleared()
        self._breaks = True

    def _time(self, sample: int) -> float:
        return self.began + sample / self._rate
