"""What a session tells the domain, off the loop and in order, tried again while the store fails."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from app.domain.services.media import MediaService, Seat
from providers.base.media import StreamStart
from providers.events import EndedReason

RETRY_SECONDS = (
    0.2,
    0.5,
    1.0,
    2.0,
    4.0,
)
"""Waits between the attempts of a report that must not be lost: about 8 s in all."""
MAX_NOTES = 100
"""Notes waiting to be written; more are dropped, they are for reading only."""

log = logging.getLogger(__name__)


class Reports:
    """The domain, for one seat. Use as an async context: notes are written by a task of its own."""

    def __init__(self, service: MediaService, seat: Seat) -> None:
        self._service = service
        self._seat = seat
        self._notes: asyncio.Queue[tuple[str, Mapping[str, Any]] | None] = asyncio.Queue(MAX_NOTES)
        self._writer: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Reports:
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
        """Raises ``Refused``, or the store's error: a call that cannot be recorded is not begun."""
        await asyncio.to_thread(self._service.joined, self._seat, start)

    async def stopped(self) -> None:
        """The carrier said that the stream is over."""
        await self._insist(lambda: self._service.stopped(self._seat))

    async def lost(self, why: EndedReason | None = None) -> None:
        """The socket closed without that word; ``why``: the call's end, if it is not put back."""
        await self._insist(lambda: self._service.lost(self._seat, why))

    async def intend(self, reason: EndedReason, message: str | None) -> None:
        """We end the call; returns once that is committed."""
        await self._insist(lambda: self._service.intend(self._seat.call_id, reason, message))

    def note(self, name: str, data: Mapping[str, Any]) -> None:
        """For the event log; written soon, dropped when too many wait."""
        if not self._notes.full():
            self._notes.put_nowait((name, data))

    async def _insist(self, report: Callable[[], None]) -> None:
        for wait in (*RETRY_SECONDS, None):
            try:
                return await asyncio.to_thread(report)
            except SQLAlchemyError:
                log.exception(
                    "call %s: the store did not take a report",
                    self._seat.call_id,
                    extra={"callId": self._seat.call_id},
                )
            if wait is not None:
                await asyncio.sleep(wait)
        log.error(
            "call %s: a report of its media is lost",
            self._seat.call_id,
            extra={"callId": self._seat.call_id},
        )
        self._service.unstored(self._seat)
        return None

    async def _write_notes(self) -> None:
        while (note := await self._notes.get()) is not None:
            try:
                await asyncio.to_thread(self._service.note, self._seat, *note)
            except Exception:  # whatever it is: notes must not end a call
                log.exception(
                    "call %s: note %s was not stored",
                    self._seat.call_id,
                    note[0],
                    extra={"callId": self._seat.call_id},
                )
