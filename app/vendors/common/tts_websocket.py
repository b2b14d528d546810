"""Voices over a websocket that stays open for the call. Imports pipecat: load it lazily.

pipecat's classes implement the vendors' protocols. This file adds three things. A vendor's refusal
is reported; pipecat drops most of them. A sentence that breaks off is an error; pipecat reconnects
silently, and the rest is lost. A connection that is lost between two sentences is not an error.
The sockets are those of ``PinnedSockets``.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol

from pipecat.frames.frames import ErrorFrame
from pipecat.services.tts_service import WebsocketTTSService
from websockets.exceptions import InvalidStatus

from app.vendors.common.errors import MAX_ERROR_TEXT
from app.vendors.common.pinned_sockets import PinnedSockets, closing_words
from app.vendors.common.tts_http import VoiceRefused


class _Connection(Protocol):
    def __aiter__(self) -> AsyncIterator[str | bytes]: ...
    async def send(self, message: str | bytes) -> None: ...
    async def close(self) -> None: ...


class _CheckedSocket:
    """A vendor's connection. Reading raises ``VoiceRefused`` after a refusal."""

    def __init__(self, websocket: _Connection, voice: ReportsVendorErrors) -> None:
        self._websocket = websocket
        self._voice = voice

    async def send(self, message: str | bytes) -> None:
        await self._websocket.send(message)

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        async for message in self._websocket:
            if isinstance(message, str):
                said = self._voice.refusal(json.loads(message))
                if said is not None:
                    raise VoiceRefused(said)
            yield message


class ReportsVendorErrors(PinnedSockets, WebsocketTTSService):
    """A mixin, named before pipecat's class of a vendor."""

    # The header with the reason of a refused handshake; None: the body has it.
    refusal_header: str | None = None
    _receive_task: Any
    _websocket: Any

    @abstractmethod
    def refusal(self, message: Mapping[str, object]) -> str | None:
        """The text of a vendor's error message; None for other messages."""

    def _get_websocket(self) -> _CheckedSocket:
        if self._websocket is None:
            raise VoiceRefused("not connected")
        return _CheckedSocket(self._websocket, self)

    async def _websocket_connect(self, uri: str, **options: Any) -> Any:
        try:
            return await super()._websocket_connect(uri, **options)
        except InvalidStatus as error:
            answer = error.response
            body = (answer.body or b"").decode(errors="replace")
            header = answer.headers.get(self.refusal_header) if self.refusal_header else None
            said = header or body
            status = answer.status_code
            raise VoiceRefused(f"HTTP {status}: {said[:MAX_ERROR_TEXT]}", status) from error

    async def _report_error(
        self, error: ErrorFrame, force_treat_as_permanent: bool = False
    ) -> None:
        """Handle the end of reading. The next sentence connects again."""
        websocket, self._websocket, self._receive_task = self._websocket, None, None
        due = bool(self.get_audio_contexts())
        if said := closing_words(websocket):
            error.error = f"{error.error}; {said}"
        await self._close_connection_contexts()  # type: ignore[no-untyped-call]  # untyped there
        if due:
            await super()._report_error(error, force_treat_as_permanent)
        if websocket is not None:
            await websocket.close()
        await self._call_event_handler("on_disconnected")
