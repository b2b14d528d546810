"""The recording of one stream: what the caller said, and what the caller heard.

Audio that was sent and cleared before it played is not in it. Both sides are spooled to disk as
they come, so that an hour costs no memory. ``write`` makes the WAV file of them.
"""

from __future__ import annotations

import wave
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from app.media.recording.disk import DISK
from app.media.recording.timeline import Side, Timeline
from app.media.recording.track import WIDTH
from providers.common import audio

CHUNK = 64 * 1024
# Write buffer of a side. A killed process loses this much: 0.5 s at 8 kHz.
BUFFER = 8 * 1024
# File names of the spooled sides.
CALLER, ASSISTANT = "caller.pcm", "assistant.pcm"


class SpoolFile:
    """A file that grows without a wait for the disk.

    What the disk refuses is raised by a later call, as ``OSError``.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._part = bytearray()
        self._error: OSError | None = None

    def write(self, pcm: bytes) -> None:
        if self._error is not None:
            raise self._error
        self._part += pcm
        if len(self._part) >= BUFFER:
            self.flush()

    def flush(self) -> None:
        """Give the disk what is here."""
        part, self._part = self._part, bytearray()
        DISK.do(partial(self._write, part), len(part))

    def release(self) -> None:
        """Close the file. It may wait for the disk. Raises ``OSError``: something is not written."""
        with suppress(OSError):
            self._file.close()
        if self._error is not None:
            raise self._error

    def _write(self, part: bytearray) -> None:
        try:
            self._file.write(part)
            self._file.flush()
        except OSError as error:
            self._error = error


class FileSide(Side):
    """One direction, spooled to a file as it is played."""

    def __init__(self, path: Path, rate: int) -> None:
        self.file = SpoolFile(path)
        super().__init__(rate, self.file.write)

    def close(self) -> None:
        self.settle(self.end)
        self.file.flush()


class Recorder(Timeline):
    """An audio tap on one stream. ``directory`` must exist, and is the caller's to remove."""

    _caller: FileSide
    _assistant: FileSide

    def __init__(self, rate: int, directory: Path, clock: Callable[[], float]) -> None:
        caller, assistant = (
            FileSide(directory / CALLER, rate),
            FileSide(directory / ASSISTANT, rate),
        )
        super().__init__(rate, clock, clock(), caller, assistant)

    @property
    def seconds(self) -> float:
        """Seconds from the start of the recording to now."""
        return self._clock() - self.began

    def close(self) -> None:
        """Finish the recording. Audio that was not played is dropped."""
        self._assistant.cut(self._now())
        self._caller.close()
        self._assistant.close()

    def release(self) -> None:
        """Close the files, in the disk's thread. Raises ``OSError``: something is not written."""
        try:
            self._caller.file.release()
        finally:
            self._assistant.file.release()


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
