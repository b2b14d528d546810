"""The carrier's end of a media socket, in any protocol: caller's audio out, assistant's audio in.

The assistant's audio is "played" at its own pace. A mark comes back when the audio before it has
been played, or at once when it was cleared.
"""

from __future__ import annotations

import math
import struct
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from socket import SHUT_RDWR
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from providers.common.audio import SAMPLE_WIDTH, level
from providers.simulation.timeline import SimulatorError

FRAME_SECONDS = 0.02
# Mean level of a piece with a voice; 16-bit samples.
LOUD = 200


class SocketRefused(SimulatorError):
    """The media socket could not be opened."""


class Ending(StrEnum):
    """How a media socket ended, as the carrier sees it."""

    BRIDGE_CLOSED = "bridge-closed"
    CALLER_LEFT = "caller-left"
    DROPPED = "dropped"
    INTERRUPTED = "interrupted"
    """The carrier's REST API or a time limit ended it."""


class Playout:
    """Audio that the caller has not heard yet. ``on_mark`` is called with each mark in its turn."""

    def __init__(self, speed: float, on_mark: Callable[[Any], None]) -> None:
        # Seconds of audio received so far.
        self.heard = 0.0
        # When the first of it came, by the monotonic clock; 0 before.
        self.first_at = 0.0
        self._speed = speed
        self._on_mark = on_mark
        self._until = 0.0
        self._marks: deque[tuple[float, Any]] = deque()
        self._changed = threading.Condition()
        self._closed = False
        threading.Thread(target=self._run, name="playout", daemon=True).start()

    def sound(self, seconds: float) -> None:
        with self._changed:
            self.first_at = self.first_at or time.monotonic()
            self.heard += seconds
            self._until = max(self._until, time.monotonic()) + seconds * self._speed
            self._changed.notify_all()

    def mark(self, mark: Any) -> None:
        with self._changed:
            self._marks.append((self._until, mark))
            self._changed.notify_all()

    def clear(self) -> None:
        """Drop the audio. The marks in it come back at once."""
        with self._changed:
            self._until = 0.0
            self._marks = deque((0.0, mark) for _, mark in self._marks)
            self._changed.notify_all()

    def wait_heard(self, timeout: float) -> bool:
        """Wait until audio came, the socket closed, or the time is up."""
        with self._changed:
            self._changed.wait_for(lambda: self.heard > 0 or self._closed, timeout)
            return self.heard > 0

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._closed and (delay := self._delay()) != 0:
                    self._changed.wait(delay)
                if self._closed:
                    return
                _, mark = self._marks.popleft()
            self._on_mark(mark)

    def _delay(self) -> float | None:
        """Seconds until the next mark is due; None when there is none."""
        return max(0.0, self._marks[0][0] - time.monotonic()) if self._marks else None


class PlaybackBuffer:
    """The assistant's audio that a listening caller has not heard yet."""

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._lock = threading.Lock()

    def put(self, pcm: bytes) -> None:
        with self._lock:
            self._waiting += pcm

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()

    def drain(self) -> bytes:
        """Take all that there is."""
        with self._lock:
            piece = bytes(self._waiting)
            self._waiting.clear()
        return piece

    def take(self, count: int) -> bytes:
        """Take ``count`` bytes, with silence where there is no audio."""
        with self._lock:
            piece = bytes(self._waiting[:count])
            del self._waiting[:count]
        return piece.ljust(count, b"\0")


class MediaSocket(ABC):
    """One media socket, opened by the carrier. Carriers add their messages."""

    sample_rate: int
    subprotocols: Sequence[str] = ()

    def __init__(self, url: str, headers: Mapping[str, str], speed: float) -> None:
        self.url = url
        # The socket is closed, or must not be used any longer.
        self.done = threading.Event()
        # The carrier's REST API or a time limit decided about the leg meanwhile.
        self.interrupted = False
        # No side ended it in time.
        self.expired = False
        # Audio came that is as loud as a voice.
        self.is_loud = False
        # Messages of the bridge that this carrier would not have understood.
        self.faults: list[str] = []
        self._headers = headers
        self._speed = speed
        self._ws: ClientConnection | None = None
        self.playout = Playout(speed, self._mark_played)
        self.ear = PlaybackBuffer()

    # -- the carrier's protocol

    @abstractmethod
    def hello(self) -> None:
        """Send the carrier's first messages."""

    @abstractmethod
    def frame(self, pcm: bytes) -> None:
        """Send 20 ms of the caller."""

    @abstractmethod
    def press(self, digit: str) -> None:
        """Send one key of the caller's phone."""

    @abstractmethod
    def goodbye(self) -> None:
        """Send the carrier's last messages, if it has any."""

    @abstractmethod
    def received(self, message: str | bytes) -> None:
        """Take one message of the bridge."""

    @abstractmethod
    def _mark_played(self, mark: Any) -> None: ...

    # -- the same for every carrier

    def sound(self, pcm: bytes) -> None:
        """Take audio for the caller."""
        self.playout.sound(len(pcm) / SAMPLE_WIDTH / self.sample_rate)
        self.is_loud = self.is_loud or level(pcm) > LOUD
        self.ear.put(pcm)

    def cleared(self) -> None:
        """Drop the audio that the caller has not heard."""
        self.playout.clear()
        self.ear.clear()

    def open(self) -> None:
        """Open the socket. Raises ``SocketRefused``."""
        try:
            self._ws = connect(
                self.url,
                additional_headers=dict(self._headers),
                subprotocols=[Subprotocol(name) for name in self.subprotocols] or None,
                compression=None,
                proxy=None,
                open_timeout=5,
                close_timeout=2,
            )
        except (OSError, ConnectionClosed, InvalidHandshake, InvalidURI) as error:
            self.playout.close()
            self.done.set()
            raise SocketRefused(f"media socket refused: {error}") from error
        threading.Thread(target=self._read, args=(self._ws,), name="media", daemon=True).start()
        self.hello()

    def talk(self, frames: int) -> None:
        """Send the caller's voice (a tone), 20 ms at a time; stop when the socket is done."""
        for number in range(frames):
            if self.done.wait(FRAME_SECONDS * self._speed if number else 0):
                return
            self.frame(tone(number, self.sample_rate))

    def send(self, message: str | bytes) -> None:
        """Send a message. After the bridge has closed it is lost, as on a real line."""
        if self._ws is not None:
            with suppress(ConnectionClosed, OSError):
                self._ws.send(message)

    def leave(self) -> None:
        """Send the last messages and close."""
        self.goodbye()
        if self._ws is not None:
            self._ws.close()
        self.done.set()

    def abort(self) -> None:
        """Cut the connection: no last message, no close frame."""
        if self._ws is not None:
            with suppress(OSError):
                self._ws.socket.shutdown(SHUT_RDWR)
        self.done.wait(5)

    def interrupt(self) -> None:
        """Wake the threads that wait for the socket: it is over."""
        self.interrupted = True
        self.done.set()

    def _read(self, ws: ClientConnection) -> None:
        try:
            for message in ws:
                self.received(message)
        except (ConnectionClosed, OSError):
            pass  # the side that ended it has noted how
        finally:
            self.playout.close()
            self.done.set()


def tone(number: int, sample_rate: int, hertz: int = 440, seconds: float = FRAME_SECONDS) -> bytes:
    """The ``number``-th piece of a tone."""
    samples = round(sample_rate * seconds)
    turn = 2 * math.pi * hertz / sample_rate
    first = number * samples
    wave = (int(8000 * math.sin(turn * (first + each))) for each in range(samples))
    return struct.pack(f"<{samples}h", *wave)
