"""Keeps the session of a model that hears and speaks open, at one socket after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from pipecat.utils.errors import ErrorCategory
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.net.websocket import open_socket
from app.vendors.common.errors import MAX_ERROR_TEXT
from app.vendors.common.pinned_sockets import closing_words
from app.vendors.common.speech_protocol import Refused
from app.vendors.common.speech_responses import SpeechResponses
from providers.common import foreign_json

OPEN_SECONDS = 5.0
CLOSE_SECONDS = 1.0
MAX_MESSAGE = 4 * 1024 * 1024
# Sockets that may be lost within a minute.
LOSSES, LOSSES_SECONDS = 3, 60.0
REFUSED = {401: ErrorCategory.AUTHENTICATION, 403: ErrorCategory.AUTHORIZATION}


class SpeechSocket(SpeechResponses):
    """Opens the sockets, and asks again what a lost one did not answer."""

    async def _run(self) -> None:
        """Keep the session open, and report what ends it."""
        try:
            await self.may_open.wait()
            await self._sessions()
        except Exception as error:  # an answer of another shape than the vendor's
            await self.fail(f"an answer cannot be read: {type(error).__name__}", cause=error)

    async def _sessions(self) -> None:
        """Open a socket after each that is lost, as far as the server allows."""
        while True:
            try:
                socket = await self._open()
            except Exception as error:
                await self.fail(*_told(error))
                return
            words = await self._read(socket)
            self._socket = None
            self._ready.clear()
            now = self.get_event_loop().time()
            self._losses = [*(at for at in self._losses if at > now - LOSSES_SECONDS), now]
            if len(self._losses) > LOSSES:
                await self.fail(words or "the connection was lost")
                return
            await self._recover()

    async def _open(self) -> ClientConnection:
        self.forget()
        self._played.clear()
        llm = self.spec.llm
        socket = await open_socket(
            self.url(),
            llm.addresses,
            headers=self.headers(),
            seconds=OPEN_SECONDS,
            close_seconds=CLOSE_SECONDS,
            max_message=MAX_MESSAGE,
        )
        self._socket = socket
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                await self.greet(socket)
        except ConnectionClosed as error:
            raise Refused(closing_words(socket) or "it broke the connection") from error
        except BaseException:
            socket.transport.abort()
            raise
        self._ready.set()
        await self._resume()
        return socket

    async def _read(self, socket: ClientConnection) -> str:
        """Read until the socket is closed; what the server said then."""
        try:
            async for message in socket:
                with suppress(ValueError):  # not JSON: of no vendor
                    found = foreign_json.parse(message)
                    if isinstance(found, Mapping):
                        await self.take(found)
        except ConnectionClosed:
            pass
        except Refused as error:
            socket.transport.abort()
            return str(error)
        return closing_words(socket)

    async def _recover(self) -> None:
        """What the lost session did not answer is asked again of the next one."""
        response, self.response = self.response, None
        if response is None:
            return
        if response.began:  # the caller has a part of it
            self.response = response
            await self.end_response(response)
        else:
            self._requests.appendleft(response.request)

    async def _resume(self) -> None:
        """Send what the session missed, and the first request."""
        self.turns.clear()  # their texts were the lost session's to give
        if self._turn is not None:
            await self.open_turn()
            await self.send_sound(bytes(self._turn.pcm))
        elif any(each.to_turn for each in self._requests) and self._last_turn is not None:
            self.turns.append(self._last_turn)
            await self.open_turn()
            await self.send_sound(bytes(self._last_turn.pcm))
            await self.close_turn()
        await self._next_request()

    def _is_at_work(self) -> bool:
        """Whether there is a session, or may be one."""
        return self._running is not None and not self._running.done()

    async def _close(self) -> None:
        running, self._running = self._running, None
        socket, self._socket = self._socket, None
        self._ready.clear()
        if running is not None:
            await self.cancel_task(running)
        if socket is not None:
            await socket.close()


def _told(error: Exception) -> tuple[str, ErrorCategory | None, Exception]:
    """A failure to connect in words. Another error's text may hold the URL, and so the key."""
    if isinstance(error, InvalidStatus):
        status = error.response.status_code
        body = (error.response.body or b"").decode(errors="replace")[: MAX_ERROR_TEXT // 2]
        text = f"the server refuses the connection: HTTP {status} {body}".strip()
        return text, REFUSED.get(status), error
    known = isinstance(error, Refused | TimeoutError)
    return f"cannot connect: {error if known else type(error).__name__}", None, error
