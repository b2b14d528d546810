"""Frames of the carrier that the assistant has not read yet.

The queue is bounded and drops audio first.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import NamedTuple

from providers.base.media import Audio, Frame


class QueueFull(Exception):
    """Too many DTMF digits, marks and unknown messages wait, and none of these may be dropped."""


class Entry(NamedTuple):
    """One message: decoded, and as it came."""

    frame: Frame
    raw: str | bytes


class FrameQueue:
    """A queue for one reader. Above ``audio_bytes`` of waiting PCM the oldest audio is dropped.

    ``first_bytes`` may wait until the reader has once come below ``audio_bytes``.
    """

    def __init__(self, audio_bytes: int, others: int, first_bytes: int = 0) -> None:
        self._entries = deque[Entry]()
        self._audio_bytes = audio_bytes
        self._bound = max(audio_bytes, first_bytes)
        self._others = others
        # Bytes of PCM.
        self.waiting_audio = 0
        self._waiting_others = 0
        self._closed = False
        self._changed = asyncio.Event()
        # Audio messages dropped so far.
        self.dropped = 0

    def put(self, frame: Frame, raw: str | bytes) -> None:
        """Add a message; never waits. Raises ``QueueFull``."""
        self._weigh(frame, 1)
        self._entries.append(Entry(frame, raw))
        while self.waiting_audio > self._bound:
            self._drop_oldest_audio()
        if self._waiting_others > self._others:
            raise QueueFull("the assistant does not read its messages")
        self._changed.set()

    def close(self) -> None:
        """Accept no more messages. Waiting ones may still be read."""
        self._closed = True
        self._changed.set()

    async def get(self) -> Entry | None:
        """Return the oldest message, or None once the queue is closed and empty."""
        while not self._entries:
            if self._closed:
                return None
            self._changed.clear()
            await self._changed.wait()
        entry = self._entries.popleft()
        self._weigh(entry.frame, -1)
        if self.waiting_audio <= self._audio_bytes:
            self._bound = self._audio_bytes
        return entry

    def _weigh(self, frame: Frame, sign: int) -> None:
        if isinstance(frame, Audio):
            self.waiting_audio += sign * len(frame.pcm)
        else:
            self._waiting_others += sign

    def _drop_oldest_audio(self) -> None:
        index = next(i for i, entry in enumerate(self._entries) if isinstance(entry.frame, Audio))
        self._weigh(self._entries[index].frame, -1)
        del self._entries[index]
        self.dropped += 1
