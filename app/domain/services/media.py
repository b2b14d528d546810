"""The media socket's side of a call: who may open it, and what its coming and going means.

Called by ``app/media`` from a thread. Each is one transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Connection

from app.domain.assistant.config import backend_of, wants
from app.domain.assistant.recording import taped
from app.domain.calls import apply, limits
from app.domain.calls.instructions import MEDIA
from app.domain.cluster import Presence
from app.domain.context import Core, Reply, Row, new_id
from app.domain.errors import Invalid
from app.domain.legs import adopt, no_capacity
from app.domain.legs import transfer as forwarding
from app.domain.live import control, monitor
from app.domain.live.monitor import Place
from app.domain.overlay import merge
from app.domain.recordings import local as local_recordings
from app.domain.recordings.local import Tape
from app.domain.reporting import analysis, live_messages, server_messages
from app.domain.reporting.live_messages import Told
from app.domain.resources import vendor_accounts
from app.store import accounts, calls
from app.store.commands import Command
from app.store.vault import digest
from app.vendors.common.account import Keys
from providers.base.carrier import Provider
from providers.base.instructions import stream_id
from providers.base.media import StreamStart
from providers.base.webhook import Leg
from providers.errors import Refused
from providers.events import CallEvent, CallStatus, EndedReason, EventKind

UNSTORED = "The store failed, and what happened to the call meanwhile is not known."


@dataclass(frozen=True, slots=True)
class Seat:
    """One claimed media socket: everything the assistant's side needs to know of the call."""

    call_id: str
    org_id: str
    stream: str
    provider: Provider
    backend: str
    stream_url: str | None
    assistant: Mapping[str, Any] = field(repr=False)
    call: Mapping[str, Any] = field(repr=False)
    keys: Keys = field(default_factory=dict, repr=False)
    """The accounts at vendors that this call may use."""
    taped: bool = False
    """Its sound is to be recorded by us."""


class NoRoom(Exception):
    """This process takes no call now, another one or a later one may."""


class MediaService:
    """Use cases of ``app/media``."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self._unstored = dict[str, str]()
        self.place: Place | None = None
        """Where this process's calls are heard by its neighbours."""

    @property
    def presence(self) -> Presence:
        """This process among the others of its deployment."""
        return self.core.presence

    def beat(self) -> None:
        """Tell the others of this process, and hear of them. Raises the store's error."""
        self.presence.beat(self.core.store, self.core.now())

    def leave(self) -> None:
        """The last word of this process. Raises the store's error."""
        self.presence.leave(self.core.store)

    @property
    def owes(self) -> bool:
        """Whether ``confess`` has anything to say."""
        return bool(self._unstored)

    def claim(
        self,
        provider: Provider,
        token: str,
        target: str,
        headers: Sequence[tuple[str, str]],
    ) -> Seat:
        """Let one socket in. ``target``: the handshake's raw path. Raises ``Refused``, ``NoRoom``.

        Its backend is let in with it, and to be given back: ``presence.let_go``.
        """
        url = (self.core.settings.own_media_base or self.core.settings.media_bases[0]) + target
        with self.core.store.read() as conn:
            row = self._row(conn, provider, token)
            credential = accounts.get_credential(conn, row["credential_id"])
        if credential is None:
            raise Refused("the call's carrier account was deleted")
        provider.verify_socket(url, headers, self.core.account(credential))
        seat = self._seat(row, provider, stream_id(url))
        if why := self.presence.admit(seat.backend):
            no_capacity.turn_away(self.core, row["id"], seat.stream, why)
            raise NoRoom(no_capacity.WHY[why])
        try:
            self._claim(seat, token)
        except BaseException:
            self.presence.let_go(seat.backend)
            raise
        return seat

    def _claim(self, seat: Seat, token: str) -> None:
        with self.core.store.write() as conn:
            if not calls.claim_token(conn, digest(token), self.core.now()):
                raise Refused("the stream token was used before")
            room = limits.has_room(self.core, conn, seat.call_id)
        if not room:
            raise Refused("no seat is free: see MAX_CONCURRENT_CALLS")

    def joined(self, seat: Seat, start: StreamStart) -> None:
        """The carrier's first word proves the assistant is in. Raises ``Refused``."""
        event = CallEvent(
            EventKind.MEDIA_CONNECTED,
            at=self.core.now(),
            key=f"media.connected:{seat.stream}",
            source=seat.provider.name,
            stream=seat.stream,
            data={"streamRef": start.stream_ref} if start.stream_ref else {},
        )
        with self.core.store.write() as conn:
            row = self._held(conn, seat)
            if row is None or row["status"] in {CallStatus.ENDED, CallStatus.FORWARDING}:
                raise Refused("the call is over, or on its way elsewhere")
            self._check_start(row, start)
            local_recordings.expect(conn, row, seat.stream)
            leg = Leg(start.call_ref, start.call_ref) if start.call_ref else None
            also = adopt.adopt(conn, row, leg) if leg else {}
            if self.place is not None:
                resolved: dict[str, Any] = also.get("resolved") or row["resolved"]
                also["resolved"] = monitor.noted(resolved, self.place)
            apply.record(self.core, conn, row, [event], also)

    def stopped(self, seat: Seat) -> None:
        """The carrier said the stream is over; the reason is an inference until more is known."""
        reason = EndedReason.CUSTOMER_ENDED_CALL
        self._record(seat, EventKind.MEDIA_STOPPED, reason=reason, generic=True)

    def lost(self, seat: Seat, why: EndedReason | None = None) -> None:
        """The socket closed without that word. ``why``: how the call ends if it is not put back."""
        self._record(seat, EventKind.MEDIA_LOST, reason=why)

    def intend(self, call_id: str, reason: EndedReason, message: str | None = None) -> None:
        """Our side ends the call: committed before the socket is closed."""
        with self.core.store.write() as conn:
            found = calls.get(conn, call_id, lock=True)
            if found is not None:
                row = dict(found)
                if row["status"] != CallStatus.ENDED:  # told before the end, which is the last word
                    live_messages.hand_out(self.core, conn, row, {"request": "hang-up"})
                apply.intend(self.core, conn, row, reason, message)

    def note(self, seat: Seat, name: str, data: Mapping[str, Any]) -> None:
        """For the event log only."""
        event = CallEvent(
            EventKind.NOTE,
            at=self.core.now(),
            key=f"{name}:{new_id()}",
            source=seat.provider.name,
            stream=seat.stream,
            data={"note": name, **data},
        )
        with self.core.store.write() as conn:
            row = self._held(conn, seat)
            if row is not None:
                apply.record(self.core, conn, row, [event])

    # -- the assistant's own doings (``app/media/call_context.py``)

    def write_down(
        self,
        seat: Seat,
        told: Sequence[Told],
        kept: Mapping[str, Any],
        spent: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Queue these messages, in order, and put these fields on the Call, and what was used."""
        told = [each for each in told if wants(seat.assistant, each.kind, each.extra)]
        if not (told or kept or spent):
            return
        items = [{**usage, "stream": seat.stream} for usage in spent]
        with self.core.store.write() as conn:
            row = self._held(conn, seat)
            if row is None:
                return
            live_messages.write_down(self.core, conn, row, told, kept, items)

    def finished(self, seat: Seat) -> None:
        """The assistant has nothing more to write down: of a call that is over it was the last."""
        with self.core.store.write() as conn:
            row = self._held(conn, seat)
            if row is not None:
                analysis.end(self.core, conn, row, delay=0.0)

    @property
    def spool(self) -> Path:
        """Where sound is kept until the call has it: on this machine's disk."""
        return Path(self.core.settings.recordings_dir) / "spool"

    def not_taped(self, seat: Seat) -> None:
        """This socket is not being recorded after all: nobody is to wait for it."""
        local_recordings.arrived(self.core, seat.call_id, seat.stream)

    def keep(self, tape: Tape) -> None:
        """Add a socket's sound to its call's recording. Raises ``NotKept`` and the store's errors."""
        local_recordings.keep(self.core, tape)

    def ask(
        self, seat: Seat, told: Told, seconds: float, server: Mapping[str, Any] | None = None
    ) -> Reply:
        """A question to the call's server, or to a tool's; never within a transaction."""
        with self.core.store.read() as conn:
            row = calls.get(conn, seat.call_id)
        if row is None:
            return Reply(error="the call was deleted")
        return server_messages.ask(self.core, dict(row), told.kind, told.extra, seconds, server)

    def transfer(
        self, seat: Seat, destination: Mapping[str, Any], content: str | None
    ) -> str | None:
        """Forward the leg, by the assistant's will; or the sentence that says why not.

        A server that lists ``phone-call-control`` is told to do it, and has to.
        """
        with self.core.store.write() as conn:
            row = self._held(conn, seat)
            if row is None:
                return "the call was deleted"
            told = {"request": "forward", "destination": dict(destination)}
            if live_messages.hand_out(self.core, conn, row, told):
                return None
            try:
                forwarding.transfer(self.core, conn, row, destination, content)
            except Invalid as error:
                return str(error)
        return None

    def unstored(self, seat: Seat) -> None:
        """The store did not take what happened on this socket; kept in memory until it is back.

        A process that is killed meanwhile leaves the call to the watchdog.
        """
        self._unstored[seat.call_id] = seat.stream

    def confess(self) -> None:
        """End these calls with ``db-error``, unless they have ended. Raises the store's error."""
        for call_id, stream in tuple(self._unstored.items()):
            with self.core.store.write() as conn:
                found = calls.get(conn, call_id, lock=True)
                if found is not None and found["status"] != CallStatus.ENDED:
                    self._confess(conn, dict(found), stream)
            del self._unstored[call_id]

    def _confess(self, conn: Connection, row: Row, stream: str) -> None:
        """A call that goes on with another socket lost nothing that matters now."""
        if apply.state_of(conn, row["id"]).streams[-1:] in ((), (stream,)):
            apply.intend(self.core, conn, row, EndedReason.DB_ERROR, UNSTORED)

    def over(self, call_ids: Collection[str]) -> set[str]:
        """Of these calls, those whose socket is to be closed: ended, deleted, or forwarding."""
        with self.core.store.read() as conn:
            return calls.without_media(conn, call_ids)

    def commands(self, seats: Collection[Seat]) -> Sequence[Command]:
        """What the assistants of these calls are told to do, once and in order."""
        obedient = {seat.call_id for seat in seats if seat.backend in control.OBEDIENT}
        return control.take(self.core, obedient) if obedient else []

    def listen(self, call_id: str, token: str) -> Place | None:
        """Where a call is heard; None when it is not in progress. Raises ``Refused``."""
        return monitor.find(self.core, call_id, token)

    def _record(
        self,
        seat: Seat,
        kind: EventKind,
        *,
        reason: EndedReason | None = None,
        generic: bool = False,
    ) -> None:
        event = CallEvent(
            kind,
            at=self.core.now(),
            key=f"{kind}:{seat.stream}",
            source=seat.provider.name,
            reason=reason,
            generic=generic,
            stream=seat.stream,
        )
        with self.core.store.write() as conn:
            row = self._held(conn, seat)
            if row is not None:
                apply.record(self.core, conn, row, [event])

    def _held(self, conn: Connection, seat: Seat) -> Row | None:
        found = calls.get(conn, seat.call_id, lock=True)
        return dict(found) if found else None

    def _row(self, conn: Connection, provider: Provider, token: str) -> Row:
        found = calls.find_by_token(conn, digest(token), MEDIA)
        if found is None or found["provider"] != provider.name:
            raise Refused("the stream token is not known")
        if found["token_used_at"] is not None:
            raise Refused("the stream token was used before")
        if found["token_expires_at"] < self.core.now():
            raise Refused("the stream token has expired")
        if found["status"] == CallStatus.ENDED:
            raise Refused("the call is over")
        return dict(found)

    def _check_start(self, row: Row, start: StreamStart) -> None:
        """A leg that is not this call's, or not of its account, has no business on its socket."""
        if start.account_ref and start.account_ref != row["resolved"].get("accountRef"):
            raise Refused("the stream belongs to another account")
        known = row["resolved"].get("legRef")
        if start.call_ref and known and start.call_ref != known:
            raise Refused("the stream belongs to another leg")

    def _seat(self, row: Row, provider: Provider, stream: str) -> Seat:
        hidden = self.core.vault.open(row["secret"]).get("assistant", {})
        assistant = merge(row["resolved"].get("assistant", {}), hidden)
        backend, stream_url = backend_of(assistant, self.core.settings)
        facts = {
            "id": row["id"],
            "type": row["type"],
            "metadata": row["body"].get("metadata") or {},
            "customer": row["resolved"].get("customer") or {},
            "phoneNumber": {"number": row["resolved"].get("number")},
            "messages": row["body"].get("messages") or [],
        }
        with self.core.store.read() as conn:
            keys = vendor_accounts.keys(self.core, conn, row["org_id"], assistant)
        return Seat(
            row["id"],
            row["org_id"],
            stream,
            provider,
            backend,
            stream_url,
            assistant,
            facts,
            keys,
            taped(row),
        )
