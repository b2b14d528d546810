"""Live call control: commands to the assistant of a call in progress.

One process answers the request, and another one may hold the call's socket. A command is
therefore stored, and the process with the socket takes each command once, in order.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Collection, Mapping, Sequence
from functools import partial

from app.domain.assistant import upstream
from app.domain.assistant.secrets import split_secrets
from app.domain.assistant.voicemail import MESSAGE_IS_LEFT
from app.domain.calls.apply import Change
from app.domain.calls.record import Call, CallTx, Changes
from app.domain.context import Context
from app.domain.errors import Invalid
from app.domain.overlay import merge
from app.store import commands, events
from app.store.commands import Command
from app.store.engine import after_commit
from app.store.vault import WrongKey
from providers.common.json_types import JsonObject
from providers.events import CallEvent, CallStatus, EventKind

CONTROLLABLE = frozenset({"local"})
"""Backends that take commands of clients; the others only relay audio."""
RELAYED = frozenset({upstream.BACKEND})
"""Backends that get only commands of ours, about the server that talks."""
UPSTREAM_ENDED = "upstream-ended"
"""Our own command: the upstream's call is over."""
TAKE_OVER, GIVE_BACK = "take-over", "give-back"
"""Our own: a supervisor has the call from now on, and gives it back to the assistant."""
TYPES = frozenset({"say", "add-message", "control", "handoff", TAKE_OVER, GIVE_BACK})
"""Control messages that the assistant executes."""
SPEAKING = frozenset({"say", "handoff", "say-first-message"})
"""Those by which the assistant would speak: none while a supervisor has the call."""
CONTROLS = (
    "mute-assistant",
    "unmute-assistant",
    "mute-customer",
    "unmute-customer",
    "say-first-message",
)
"""``control`` of a message of this type."""
NO_SOUND = "no supervisor can speak on this call: its media socket carries text"
ROLES = ("system", "user", "assistant")
MAX_SAID, MAX_ADDED = 5000, 20_000
"""Characters of a text to say, and of a message to add."""
VOICEMAIL: JsonObject = {"type": "voicemail"}
"""Our own command: leave ``voicemailMessage``, and end the call."""
SEALED = "sealed"
"""Field of a stored command: its secrets, encrypted, as base64."""
MAX_WAITING = 100
"""Limit on one call's stored commands that the media hub has not taken yet."""

log = logging.getLogger(__name__)


def enqueue(tx: CallTx, body: JsonObject) -> None:
    """Store a control message for the call's assistant. Raises ``Invalid``."""
    if tx.call.status != CallStatus.IN_PROGRESS:
        raise Invalid(f"`{body['type']}` needs a call in progress: its status is {tx.call.status}")
    if told := problem(tx.context, tx.call, f"`{body['type']}`"):
        raise Invalid(told)
    if body["type"] == TAKE_OVER and (told := no_supervisor(tx.context, tx.call)):
        raise Invalid(told)
    if tx.call.facts.taken_over and SPEAKING & {body["type"], body.get("control")}:
        raise Invalid(f"a supervisor has the call: `{body['type']}` needs a `give-back` first")
    if body["type"] == GIVE_BACK and not tx.call.facts.taken_over:
        raise Invalid("`give-back` needs a call that a supervisor has: the assistant has this one")
    if commands.waiting(tx.conn, tx.call.id) >= MAX_WAITING:
        raise Invalid(f"{MAX_WAITING} control messages of this call are waiting: send fewer")
    _add(tx, body)


def problem(context: Context, call: Call, what: str) -> str | None:
    """Why the call's assistant does not take this, as a sentence; None if it does."""
    if not call.facts.assistant.may_be_controlled:
        return f"{what} is off: the assistant's monitorPlan.controlEnabled is false"
    if accepts_control(context, call):
        return None
    return (
        f"this assistant does not take {what}: its transport is "
        f"`{_backend(context, call)}`, which has no words of its own"
    )


def no_supervisor(context: Context, call: Call) -> str | None:
    """Why no supervisor can speak on the call, as a sentence; None if one can."""
    if call.facts.assistant.transport.by_carrier:
        return NO_SOUND
    return problem(context, call, "a supervisor")


def is_whole(body: JsonObject) -> bool:
    """Whether a control message from a call's own socket has what its type needs."""
    content = body.get("content")
    match body.get("type"):
        case "say":
            return isinstance(content, str) and 0 < len(content) <= MAX_SAID
        case "add-message":
            message = body.get("message")
            return isinstance(message, Mapping) and _is_message(message)
        case "control":
            return body.get("control") in CONTROLS
    return False


def _is_message(message: JsonObject) -> bool:
    text = message.get("content")
    known = message.get("role") in ROLES
    return known and isinstance(text, str) and 0 < len(text) <= MAX_ADDED


def judge_machine(tx: CallTx, event: CallEvent) -> CallEvent:
    """The carrier's answering machine verdict, with the action of the assistant's plan."""
    speaks = accepts_control(tx.context, tx.call)
    return tx.call.facts.assistant.voicemail.judged(event, speaks=speaks)


def leave_message(tx: CallTx, event: CallEvent) -> Changes:
    """Store the command to leave the message, for the call's first verdict that asks for it.

    Call it before the verdict is stored. Without an open socket the command waits for one.
    """
    over = tx.call.status in {CallStatus.ENDED, CallStatus.FORWARDING}
    if not over and _asks(event) and not any(map(_asks, events.of_call(tx.conn, tx.call.id))):
        _add(tx, VOICEMAIL)
    return {}


def instruct(tx: CallTx, *bodies: JsonObject) -> None:
    """Store commands of our own for the assistant, which takes them with its next socket."""
    if accepts_control(tx.context, tx.call):
        for body in bodies:
            _add(tx, body)


def tell_relay(tx: CallTx, upstream_id: str, reason: str, message: str) -> None:
    """Tell the relay why the call at its upstream has ended."""
    if tx.call.status == CallStatus.IN_PROGRESS:
        told = {"upstream": upstream_id, "endedReason": reason, "message": message}
        _add(tx, {"type": UPSTREAM_ENDED, **told})


def close_socket(change: Change) -> None:
    """Wake the media hub to close the socket that a call no longer needs."""
    _wake_media(change.tx)


def claim(context: Context, call_ids: Collection[str]) -> Sequence[Command]:
    """Take the stored commands of these calls. The process that takes a command executes it."""
    with context.store.read() as conn:
        if not commands.any_wait(conn, call_ids):
            return []
    with context.store.write() as conn:
        taken = commands.take(conn, call_ids, context.now())
    return [each._replace(body=_opened(context, each)) for each in taken]


def accepts_control(context: Context, call: Call) -> bool:
    """Whether the call's assistant takes commands."""
    return _backend(context, call) in CONTROLLABLE


def _asks(event: CallEvent) -> bool:
    return event.kind is EventKind.MACHINE_DETECTED and bool(event.data.get(MESSAGE_IS_LEFT))


def _add(tx: CallTx, body: JsonObject) -> None:
    """Store a command, with its secrets sealed: a handoff's assistant may have some."""
    public, hidden = split_secrets({name: each for name, each in body.items() if name != SEALED})
    if hidden:
        sealed = tx.context.vault.seal(hidden) or b""
        public[SEALED] = base64.b64encode(sealed).decode()
    commands.add(tx.conn, tx.call.id, public, tx.context.now())
    _wake_media(tx)


def _opened(context: Context, command: Command) -> JsonObject:
    """The command's body with its secrets. Those that cannot be opened any more are left out."""
    body = {name: each for name, each in command.body.items() if name != SEALED}
    if SEALED not in command.body:
        return body
    try:
        hidden = context.vault.open(base64.b64decode(command.body[SEALED]))
    except WrongKey as error:
        log.error("call %s: secrets of a command cannot be used: %s", command.call_id, error)
        return body
    return merge(body, hidden)


def _wake_media(tx: CallTx) -> None:
    """Wake this process's media hub for the call, instead of waiting for its next poll."""
    for nudge in tx.context.media_wakers:
        after_commit(tx.conn, partial(nudge, tx.call.id))


def _backend(context: Context, call: Call) -> str:
    return call.facts.assistant.transport.backend(context.settings)
