"""What the assistant of a live call is told to do from outside.

The process that answers the request may be another than the one that holds the call's socket: a
command is stored, and taken by the latter, once and in order.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from app.domain.assistant.config import backend_of
from app.domain.assistant.voicemail import MESSAGE_IS_LEFT
from app.domain.calls.apply import wake_media
from app.domain.calls.record import Call, CallTx
from app.domain.context import Context
from app.domain.errors import Invalid
from app.store import commands, events
from app.store.commands import Command
from providers.events import CallEvent, CallStatus, EventKind

CONTROLLABLE = frozenset({"local"})
"""Backends that take commands; the others repeat sound."""
TYPES = frozenset({"say", "add-message", "control"})
"""Control messages that are the assistant's to carry out."""
VOICEMAIL: Mapping[str, Any] = {"type": "voicemail"}
"""Our own: leave ``voicemailMessage``, and end."""
MAX_WAITING = 100
"""Commands of one call that nobody has taken; more are refused."""


def enqueue(tx: CallTx, body: Mapping[str, Any]) -> None:
    """Store a control message for the call's assistant. Raises ``Invalid``."""
    if tx.call.status != CallStatus.IN_PROGRESS:
        raise Invalid(f"`{body['type']}` needs a call in progress: its status is {tx.call.status}")
    if not accepts_control(tx.context, tx.call):
        raise Invalid(
            f"this assistant does not take `{body['type']}`: its transport is "
            f"`{_backend(tx.context, tx.call)}`, which has no words of its own"
        )
    if commands.waiting(tx.conn, tx.call.id) >= MAX_WAITING:
        raise Invalid(f"{MAX_WAITING} control messages of this call are waiting: send fewer")
    _add(tx, body)


def leave_message(tx: CallTx, new: Sequence[CallEvent]) -> None:
    """Have the message left that a verdict among these events asks for: the first of the call.

    To be called before they are recorded. Where no socket is open yet, it is left when one is.
    """
    if tx.call.status in {CallStatus.ENDED, CallStatus.FORWARDING} or not any(map(_asks, new)):
        return
    if not any(map(_asks, events.of_call(tx.conn, tx.call.id))):
        _add(tx, VOICEMAIL)


def claim(context: Context, call_ids: Collection[str]) -> Sequence[Command]:
    """All that waits for these calls; whoever takes it carries it out."""
    with context.store.read() as conn:
        if not commands.any_wait(conn, call_ids):
            return []
    with context.store.write() as conn:
        return commands.take(conn, call_ids, context.now())


def accepts_control(context: Context, call: Call) -> bool:
    """Whether the call's assistant takes commands."""
    return _backend(context, call) in CONTROLLABLE


def _asks(event: CallEvent) -> bool:
    return event.kind is EventKind.MACHINE_DETECTED and bool(event.data.get(MESSAGE_IS_LEFT))


def _add(tx: CallTx, body: Mapping[str, Any]) -> None:
    commands.add(tx.conn, tx.call.id, body, tx.context.now())
    wake_media(tx)


def _backend(context: Context, call: Call) -> str:
    return backend_of(call.facts.assistant, context.settings)[0]
