"""What the assistant of a live call is told to do from outside.

The process that answers the request may be another than the one that holds the call's socket: a
command is stored, and taken by the latter, once and in order.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial

from app.domain.assistant.voicemail import MESSAGE_IS_LEFT
from app.domain.calls.apply import Change
from app.domain.calls.record import Call, CallTx, Changes
from app.domain.context import Context
from app.domain.errors import Invalid
from app.store import commands, events
from app.store.commands import Command
from app.store.engine import after_commit
from providers.common.json_types import JsonObject
from providers.events import CallEvent, CallStatus, EventKind

CONTROLLABLE = frozenset({"local"})
"""Backends that take commands; the others repeat sound."""
TYPES = frozenset({"say", "add-message", "control"})
"""Control messages that are the assistant's to carry out."""
VOICEMAIL: JsonObject = {"type": "voicemail"}
"""Our own: leave ``voicemailMessage``, and end."""
MAX_WAITING = 100
"""Commands of one call that nobody has taken; more are refused."""


def enqueue(tx: CallTx, body: JsonObject) -> None:
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


def judge_machine(tx: CallTx, event: CallEvent) -> CallEvent:
    """The carrier's verdict on who answered, with what the assistant wants done about it."""
    speaks = accepts_control(tx.context, tx.call)
    return tx.call.facts.assistant.voicemail.judged(event, speaks=speaks)


def leave_message(tx: CallTx, event: CallEvent) -> Changes:
    """Have the message left that a verdict asks for, if it is the first of the call that does.

    To be called before the verdict is recorded. Without an open socket, the message waits for one.
    """
    over = tx.call.status in {CallStatus.ENDED, CallStatus.FORWARDING}
    if not over and _asks(event) and not any(map(_asks, events.of_call(tx.conn, tx.call.id))):
        _add(tx, VOICEMAIL)
    return {}


def close_socket(change: Change) -> None:
    """The call is over or is being forwarded: its socket closes without waiting for a look."""
    _wake_media(change.tx)


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


def _add(tx: CallTx, body: JsonObject) -> None:
    commands.add(tx.conn, tx.call.id, body, tx.context.now())
    _wake_media(tx)


def _wake_media(tx: CallTx) -> None:
    """Have the media hub of this process look at the call now, instead of at its next poll."""
    for nudge in tx.context.media_wakers:
        after_commit(tx.conn, partial(nudge, tx.call.id))


def _backend(context: Context, call: Call) -> str:
    return call.facts.assistant.transport.backend(context.settings)
