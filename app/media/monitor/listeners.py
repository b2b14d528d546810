"""The supervisors of one call: each gets both sides' audio and the client messages.

Each has a bounded queue. While no supervisor listens the call has no audio tap, and monitoring
costs nothing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from app.media.frame_queue import FrameQueue, QueueFull
from app.media.monitor.supervision import Supervision
from app.media.recording.mixer import LiveMixer
from app.media.recording.track import WIDTH
from app.media.stream import MediaStream, now
from providers.base.media import Audio, Frame, UnknownFrame
from providers.common.json_types import JsonObject

CHANNELS = 2
TICK_SECONDS = 0.04
# Audio kept for a slow listener; the oldest is dropped.
WAITING_SECONDS = 2.0
# Client messages kept for it. A listener that reads none of them is disconnected.
MAX_MESSAGES = 200
# Listeners of one call.
MAX_LISTENERS = 10
OVER = (1000, "the call is over")
# Close codes and texts. 4404 is 4000 plus the HTTP status of the same meaning.
LOST = (4404, "the call's socket is lost; it may be replaced")


class TooManyListeners(Exception):
    """The call has ``MAX_LISTENERS`` listeners."""


class Listener:
    """One supervisor's queue."""

    def __init__(self, sample_rate: int) -> None:
        self._inbox = FrameQueue(
            int(WAITING_SECONDS * sample_rate) * WIDTH * CHANNELS, others=MAX_MESSAGES
        )
        self._open = True

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        """Yield what is to be sent: JSON as text, audio as bytes; until the call is over."""
        while (entry := await self._inbox.get()) is not None:
            yield entry.raw

    def hear(self, pcm: bytes) -> None:
        self._put(Audio(pcm), pcm)

    def tell(self, message: JsonObject) -> None:
        text = json.dumps(message, ensure_ascii=False)
        self._put(UnknownFrame(str(message["type"])), text)

    def close(self) -> None:
        self._open = False
        self._inbox.close()

    def _put(self, frame: Frame, raw: str | bytes) -> None:
        """Queue one message. A disconnected listener stays in the set until its socket notices."""
        if not self._open:
            return
        try:
            self._inbox.put(frame, raw)
        except QueueFull:
            self.close()


class Monitor:
    """The listeners of one live call."""

    def __init__(self, stream: MediaStream) -> None:
        self._stream = stream
        self._listeners = set[Listener]()
        self._mixer: LiveMixer | None = None
        self._ticker: asyncio.Task[None] | None = None
        self.farewell = OVER

    @property
    def supervision(self) -> Supervision:
        """The supervisor who may speak."""
        return self._stream.supervision

    def join(self) -> Listener:
        """Add a listener. Its first message describes the audio. Raises ``TooManyListeners``."""
        if len(self._listeners) >= MAX_LISTENERS:
            raise TooManyListeners(f"{MAX_LISTENERS} listen to this call already")
        rate = self._stream.sample_rate
        listener = Listener(rate)
        listener.tell(
            {
                "type": "start",
                "encoding": "linear16",
                "container": "raw",
                "sampleRate": rate,
                "channels": CHANNELS,
            }
        )
        self._listeners.add(listener)
        if self._mixer is None:
            self._begin()
        return listener

    def leave(self, listener: Listener) -> None:
        self._listeners.discard(listener)
        if not self._listeners:
            self._end()

    def tell(self, kind: str, extra: JsonObject) -> None:
        """Send a client message, if the assistant's ``clientMessages`` has its type."""
        assistant = self._stream.call_context.claim.assistant
        if self._listeners and assistant.wants_client_message(kind):
            for listener in self._listeners:
                listener.tell({"type": kind, **extra})

    def close(self, farewell: tuple[int, str] = OVER) -> None:
        """Send no more; waiting messages may still be read.

        ``farewell`` is the close code and text.
        """
        self.farewell = farewell
        self.supervision.close(farewell)
        for listener in self._listeners:
            listener.close()
        self._end()

    def _begin(self) -> None:
        self._mixer = LiveMixer(self._stream.sample_rate, now)
        self._stream.taps.append(self._mixer)
        self._ticker = asyncio.create_task(self._tick(self._mixer))

    def _end(self) -> None:
        if self._mixer is not None and self._ticker is not None:
            self._stream.taps.remove(self._mixer)
            self._ticker.cancel()
            self._mixer = self._ticker = None

    async def _tick(self, stereo: LiveMixer) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            if pcm := stereo.take():
                for listener in self._listeners:
                    listener.hear(pcm)
