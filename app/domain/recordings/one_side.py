"""One side of a stereo recording as a WAV file of its own, made while it is read.

Nothing is stored, and a block is in memory at a time. Any range of the file can be read.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import BinaryIO, NamedTuple, cast

from app.domain.recordings.wav import InvalidWav
from app.store.blobs import Blobs
from providers.common import audio

SIDES: Mapping[str, int] = {"customer": 0, "assistant": 1}
"""Side -> its channel in a stereo recording."""
HEAD_BYTES = 4096
"""Where the sound of a file has to begin within."""
HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
"""A WAV file's header, with the chunks \"fmt \" and \"data\"."""
PCM, BITS, STEREO = 1, 16, 2
FRAME_BYTES = 4
BLOCK = 64 * 1024


class Sound(NamedTuple):
    """Where the samples of a stereo file are."""

    offset: int
    frames: int
    rate: int

    @property
    def size(self) -> int:
        """Bytes of the file of one side."""
        return HEADER.size + self.frames * audio.SAMPLE_WIDTH

    @property
    def header(self) -> bytes:
        """Of the file of one side."""
        length, width = self.frames * audio.SAMPLE_WIDTH, audio.SAMPLE_WIDTH
        form = (b"fmt ", 16, PCM, 1, self.rate, self.rate * width, width, BITS)
        riff = (b"RIFF", HEADER.size - 8 + length, b"WAVE")
        return HEADER.pack(*riff, *form, b"data", length)


def find(blobs: Blobs, blob: str, size: int) -> Sound:
    """Read the head of a stereo file. Raises ``InvalidWav`` and the errors of ``Blobs``."""
    with blobs.open(blob, 0, min(size, HEAD_BYTES)) as file:
        head = b"".join(iter(lambda: file.read(HEAD_BYTES), b""))
    return parse(head, size)


def parse(head: bytes, size: int) -> Sound:
    """``size``: of the whole file. Raises ``InvalidWav``."""
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        raise InvalidWav("not a WAV file")
    at, rate = 12, 0
    while at + 8 <= len(head):
        name, length = struct.unpack_from("<4sI", head, at)
        at += 8
        if name == b"fmt " and at + 16 <= len(head):
            kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", head, at)
            if (kind, channels, bits) != (PCM, STEREO, BITS):
                raise InvalidWav(f"{channels} channels of {bits} bits")
        elif name == b"data" and rate:
            return Sound(at, max(0, min(length, size - at)) // FRAME_BYTES, rate)
        at += length + length % 2
    raise InvalidWav("no sound at the begin of the file")


def open_part(
    blobs: Blobs, blob: str, sound: Sound, channel: int, start: int, length: int
) -> BinaryIO:
    """``length`` bytes of the side's file from ``start``. Raises the errors of ``Blobs``."""
    end = start + length
    prefix = sound.header[start:end]
    begins, ends = max(0, start - HEADER.size), max(0, end - HEADER.size)
    first, last = begins // audio.SAMPLE_WIDTH, -(-ends // audio.SAMPLE_WIDTH)
    offset = sound.offset + first * FRAME_BYTES
    stereo = blobs.open(blob, offset, max(0, last - first) * FRAME_BYTES)
    return cast("BinaryIO", _Part(prefix, stereo, channel, begins % audio.SAMPLE_WIDTH, length))


class _Part:
    """A file to read once, from its begin to its end."""

    def __init__(
        self, prefix: bytes, stereo: BinaryIO, channel: int, skipped: int, length: int
    ) -> None:
        """``skipped``: bytes of the first sample that are not asked for."""
        self._ready = bytearray(prefix)
        self._stereo, self._channel = stereo, channel
        self._skipped, self._left = skipped, length
        self._odd = b""

    def read(self, size: int = -1) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        while len(self._ready) < wanted and (raw := self._stereo.read(BLOCK)):
            raw = self._odd + raw
            whole = len(raw) // FRAME_BYTES * FRAME_BYTES
            self._odd = raw[whole:]
            samples = audio.channel(raw[:whole], self._channel)
            self._ready += samples[self._skipped :]
            self._skipped = 0 if samples else self._skipped
        taken = bytes(self._ready[:wanted])
        del self._ready[:wanted]
        self._left -= len(taken)
        return taken

    def close(self) -> None:
        self._stereo.close()
