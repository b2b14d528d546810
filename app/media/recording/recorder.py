"""The recording of one stream: what the caller said, and what the caller heard.

Audio that was sent and cleared before it played is not in it. Both sides are spooled to disk as
they come, so that an hour costs no memory. ``write`` makes the WAV file of them.
"""

from __future__ import annotations

import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from app.media.recording.track import WIDTH, Track
from providers.common import audio

# How late the caller's audio may come and still count as unbroken.
JITTER_SECONDS = 0.2
CHUNK = 64 * 1024
# Write buffer of a side. A killed process loses this much: 0.5 s at 8 kHz.
BUFFER = 8 * 1024
# File names of the spooled sides.
CALLER, ASSISTANT = "caller.pcm", "assistant.pcm"


class Side(Track):
    """One direction, spooled to a file as it is played."""

    def __init__(self, path: Path, rate: int) -> None:
        super().__init__(rate)
        self._file: BinaryIO = path.open("wb", buffering=BUFFER)

    def settle(self, until: int) -> None:
        """Write all audio before this sample: it was played."""
        self._file.write(self.take(min(until, self.end)))

    def cut(self, at: int) -> None:
        self.settle(at)
        super().cut(at)

    def close(self) -> None:
        self.settle(self.end)
        self._file.close()


class Recorder:
    """An audio tap on one stream. ``directory`` must exist, and is the caller's to remove."""

    def __init__(self, rate: int, directory: Path, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._clock = clock
        self._began = clock()
        self._caller = Side(directory / CALLER, rate)
        self._assistant = Side(directory / ASSISTANT, rate)

    def heard(self, pcm: bytes) -> None:
        """Take the caller's audio. A gap counts only above the network's jitter."""
        starts = self._now() - len(pcm) // WIDTH
        late = starts - self._caller.end > JITTER_SECONDS * self._rate
        self._caller.put(starts if late else 0, pcm)
        self._caller.settle(self._caller.end)

    def said(self, pcm: bytes, buffered_seconds: float) -> None:
        now = self._now()
        self._assistant.settle(now)
        self._assistant.put(now + round(buffered_seconds * self._rate), pcm)

    def cleared(self) -> None:
        self._assistant.cut(self._now())

    @property
    def seconds(self) -> float:
        """Seconds from the start of the recording to now."""
        return self._clock() - self._began

    def close(self) -> None:
        """Finish the files. Audio that was not played is dropped."""
        self._assistant.cut(self._now())
        self._caller.close()
        self._assistant.close()

    def _now(self) -> int:
        return round((self._clock() - self._began) * self._rate)


def write(directory: Path, rate: int, stereo: Path) -> None:
    """Write a WAV file of what was spooled, 16 bit. Left: the caller; right: the assistant.

    Slow: run it in a thread. The recorder may have been killed before it was closed.
    """
    with wave.open(str(stereo), "wb") as target:
        target.setparams((2, WIDTH, rate, 0, "NONE", ""))
        for left, right in _pairs(directory / CALLER, directory / ASSISTANT):
            target.writeframes(audio.interleave(left, right))


def _pairs(left: Path, right: Path) -> Iterator[tuple[bytes, bytes]]:
    """Yield equally long pieces of both files; the shorter one is filled with silence."""
    with left.open("rb") as one, right.open("rb") as other:
        while True:
            a, b = one.read(CHUNK), other.read(CHUNK)
            if not (a or b):
                return
            length = max(len(a), len(b)) // WIDTH * WIDTH
            a, b = a[:length], b[:length]
            yield a.ljust(length, b"\0"), b.ljust(length, b"\0")
