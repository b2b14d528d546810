"""What the assistant of a live call is told to do from outside.

The process that answers the request may be another than the one that holds the call's socket: a
command is stored, and taken by the latter, once and in order.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy.engine import Connection

from app.domain.assistant.config import backend_of
from app.domain.assistant.voicemail import MESSAGE_IS_LEFT
from app.domain.calls.apply import nudge
from app.domain.context import Core, Row
from app.domain.errors import Invalid
from app.store import commands, events
from app.store.commands import Command
from providers.events import CallEvent, CallStatus, EventKind

OBEDIENT = frozenset({"local"})
"""Backends that take commands; the others repeat sound."""
TYPES = frozenset({"say", "add-message", "control"})
"""Control messages that are the assistant's to carry out."""
VOICEMAIL: Mapping[str, Any] = {"type": "voicemail"}
"""Our own: leave ``voicemailMessage``, and end."""
MAX_WAITING = 100
"""Commands of one call that nobody has taken; more are refused."""


def order(core: Core, conn: Connection, row: Row, body: Mapping[str, Any]) -> None:
    """Store a control message for the call's assistant. Raises ``Invalid``."""
    if row["status"] != CallStatus.IN_PROGRESS:
        raise Invalid(f"`{body['type']}` needs a call in progress: its status is {row['status']}")
    if not obeys(core, row):
        raise Invalid(
            f"this assistant does not take `{body['type']}`: its transport is "
            f"`{_backend(core, row)}`, which has no words of its own"
        )
    if commands.waiting(conn, row["id"]) >= MAX_WAITING:
        raise Invalid(f"{MAX_WAITING} control messages of this call are waiting: send fewer")
    _add(core, conn, row, body)


def leave_message(core: Core, conn: Connection, row: Row, new: Sequence[CallEvent]) -> None:
    """Have the message left that a verdict among these events asks for: the first of the call.

    To be called before they are recorded. Where no socket is open yet, it is left when one is.
    """
    if row["status"] in {CallStatus.ENDED, CallStatus.FORWARDING} or not any(map(_asks, new)):
        return
    if not any(map(_asks, events.of_call(conn, row["id"]))):
        _add(core, conn, row, VOICEMAIL)


def take(core: Core, call_ids: Collection[str]) -> Sequence[Command]:
    """All that waits for these calls; whoever takes it carries it out."""
    with core.store.read() as conn:
        if not commands.any_wait(conn, call_ids):
            return []
    with core.store.write() as conn:
        return commands.take(conn, call_ids, core.now())


def obeys(core: Core, row: Row) -> bool:
    """Whether the call's assistant takes commands."""
    return _backend(core, row) in OBEDIENT


def _asks(event: CallEvent) -> bool:
    return event.kind is EventKind.MACHINE_DETECTED and bool(event.data.get(MESSAGE_IS_LEFT))


def _add(core: Core, conn: Connection, row: Row, body: Mapping[str, Any]) -> None:
    commands.add(conn, row["id"], body, core.now())
    nudge(core, conn, row)


def _backend(core: Core, row: Row) -> str:
    return backend_of(row["resolved"].get("assistant", {}), core.settings)[0]
