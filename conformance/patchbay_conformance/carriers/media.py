"""The carrier's end of a media socket: what both carriers share."""

from __future__ import annotations

import socket
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

FRAME_SECONDS = 0.02


class MediaSocket(ABC):
    """The carrier's end of a media socket. The handshake has succeeded."""

    def __init__(self, url: str, headers: Mapping[str, str], seconds: float) -> None:
        self._socket: ClientConnection = connect(
            url,
            additional_headers=headers,
            compression=None,
            proxy=None,
            open_timeout=seconds,
            ping_interval=None,
        )

    @abstractmethod
    def join(self) -> None:
        """The first messages, which say whose socket this is."""

    @abstractmethod
    def speak(self) -> None:
        """20 ms of the caller's sound, loud."""

    @abstractmethod
    def heard(self, message: str | bytes) -> bool:
        """Whether a message is sound of the assistant's. Answers a mark. Raises ``Failed``."""

    @abstractmethod
    def hang_up(self) -> None:
        """The caller has left: the carrier ends the stream as it does then."""

    def hears(self, seconds: float) -> bool:
        """Speak until the assistant sounds. False: it stayed silent, or closed."""
        for _ in range(int(seconds / FRAME_SECONDS)):
            try:
                self.speak()
                while True:
                    if self.heard(self._socket.recv(timeout=FRAME_SECONDS)):
                        return True
            except TimeoutError:
                continue
            except ConnectionClosed:
                return False
        return False

    def until_closed(self, seconds: float) -> bool:
        """Whether the server closes the socket in this time."""
        deadline = datetime.now(UTC) + timedelta(seconds=seconds)
        while (left := (deadline - datetime.now(UTC)).total_seconds()) > 0:
            try:
                self.heard(self._socket.recv(timeout=left))
            except ConnectionClosed:
                return True
            except TimeoutError:
                break
        return False

    def cut(self) -> None:
        """The connection is lost, without a word."""
        with suppress(OSError):
            self._socket.socket.shutdown(socket.SHUT_RDWR)

    def send(self, message: str | bytes) -> None:
        self._socket.send(message)

    def close(self) -> None:
        self._socket.close()
