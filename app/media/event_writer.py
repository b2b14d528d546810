"""Stores the events of one media session: off the loop, in order, retried while the store fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from app.domain.services.media import MediaService, StreamClaim
from app.media.store_thread import in_store_thread
from app.telemetry.call_log import call_log
from providers.base.media import StreamStart
from providers.common.json_types import JsonObject
from providers.events import EndedReason

# Waits between the attempts to store an event that must not be lost: about 8 s in all.
RETRY_SECONDS = (
    0.2,
    0.5,
    1.0,
    2.0,
    4.0,
)
# Notes that wait to be written. More are dropped: they are for reading only.
MAX_NOTES = 100

log = call_log(__name__)


class EventWriter:
    """Writes the events of one claimed stream.

    Use as an async context: a task of its own writes the notes.
    """

    def __init__(self, service: MediaService, claim: StreamClaim) -> None:
        self._service = service
        self._claim = claim
        self._notes: asyncio.Queue[tuple[str, JsonObject] | None] = asyncio.Queue(MAX_NOTES)
        self._writer: asyncio.Task[None] | None = None

    async def __aenter__(self) -> EventWriter:
        self._writer = asyncio.create_task(self._write_notes())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._writer is None:
            return
        try:
            await self._notes.put(None)
            await self._writer
        finally:
            self._writer.cancel()

    async def joined(self, start: StreamStart) -> None:
        """Store the join.

        Raises ``Refused``, or the store's error: a call that cannot be stored must not begin.
        """
        await in_store_thread(self._service.joined, self._claim, start)

    async def stopped(self) -> None:
        """Store that the carrier sent its stop."""
        await self._retry(lambda: self._service.stopped(self._claim))

    async def lost(self, why: EndedReason | None = None, word: str = "") -> None:
        """Store that the socket closed without a stop.

        ``why`` is the endedReason if it does not reattach; ``word`` says what closed it.
        """
        await self._retry(lambda: self._service.lost(self._claim, why, word))

    async def request_end(self, reason: EndedReason, message: str | None) -> None:
        """Store our decision to end the call; return once it is committed."""
        await self._retry(lambda: self._service.request_end(self._claim, reason, message))

    def note(self, name: str, data: JsonObject) -> None:
        """Add a note to the event log. It is written soon, and dropped when too many wait."""
        if not self._notes.full():
            self._notes.put_nowait((name, data))

    async def _retry(self, report: Callable[[], None]) -> None:
        for wait in (*RETRY_SECONDS, None):
            try:
                return await in_store_thread(report)
            except SQLAlchemyError as error:
                self._service.store_failed(error)
            if wait is not None:
                await asyncio.sleep(wait)
        log.error(
            "call %s: a report of its media is lost",
            self._claim.call_id,
            extra={"callId": self._claim.call_id},
        )
        self._service.pending_db_errors(self._claim)
        return None

    async def _write_notes(self) -> None:
        while (note := await self._notes.get()) is not None:
            try:
                await in_store_thread(self._service.note, self._claim, *note)
            except SQLAlchemyError as error:
                self._service.store_failed(error)
            except Exception:  # a failed note must not end the call
                log.exception(
                    "call %s: note %s was not stored",
                    self._claim.call_id,
                    note[0],
                    extra={"callId": self._claim.call_id},
                )
