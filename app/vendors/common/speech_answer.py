"""The sound within the answers of voices that do not send plain PCM. Pure, no I/O.

A reader takes the pieces of one answer as they come, and gives the 16-bit PCM within.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Protocol, TypeAlias

from providers.common.json_types import JsonObject

# Bytes of one JSON value: a minute at 48 kHz has 8 million in base64.
MAX_VALUE = 32_000_000
# Fields of a server-sent event that carry no data, and a comment.
# https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
NO_DATA = (b"event:", b"id:", b"retry:", b":")
DATA, DONE = b"data:", b"[DONE]"
WAV = b"RIFF"


class NoSound(ValueError):
    """The vendor says why, or answers with something else than sound."""


# One JSON object of the answer -> the sound in it. Raises ``NoSound``, ``LookupError`` or such.
Sound: TypeAlias = Callable[[JsonObject], bytes]


class Reader(Protocol):
    """Reads one answer. Both raise ``NoSound``."""

    def feed(self, piece: bytes) -> bytes: ...

    def rest(self) -> bytes:
        """The rest: the answer is over."""


class JsonLines:
    """One JSON object on each line, or in the data of each server-sent event."""

    def __init__(self, sound: Sound) -> None:
        self._sound = sound
        self._line = b""

    def feed(self, piece: bytes) -> bytes:
        *lines, self._line = (self._line + piece).split(b"\n")
        if len(self._line) > MAX_VALUE:
            raise NoSound("a line of the answer is too long")
        return b"".join(map(self._read, lines))

    def rest(self) -> bytes:
        return self._read(self._line)

    def _read(self, line: bytes) -> bytes:
        line = line.strip()
        if not line or line.startswith(NO_DATA):
            return b""
        value = line.removeprefix(DATA).strip()
        return b"" if value == DONE else sound_of(value, self._sound)


class WholeJson:
    """One JSON object, in as many lines as it likes."""

    def __init__(self, sound: Sound) -> None:
        self._sound = sound
        self._body = bytearray()

    def feed(self, piece: bytes) -> bytes:
        self._body += piece
        if len(self._body) > MAX_VALUE:
            raise NoSound("the answer is too long")
        return b""

    def rest(self) -> bytes:
        return sound_of(bytes(self._body), self._sound)


def sound_of(value: bytes, sound: Sound) -> bytes:
    """The sound in one JSON object."""
    try:
        found = json.loads(value)
        if not isinstance(found, dict):
            raise TypeError
        return without_header(sound(found))
    except NoSound:
        raise
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        said = value[:200].decode(errors="replace")
        raise NoSound(f"the answer is not what it should be: {said}") from error


def without_header(pcm: bytes) -> bytes:
    """PCM without the header of a WAV file, whatever chunks are in it."""
    if not pcm.startswith(WAV):
        return pcm
    at = pcm.find(b"data", 12)
    return pcm[at + 8 :] if at >= 0 else b""
