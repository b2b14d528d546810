"""The line of legs that wait: who enters, whose turn it is, who leaves.

A leg goes when fewer tickets are ahead of it than slots are free. Only its own request takes the
slot, under the lock of the slots. So no two processes give one slot away, and none is held for a
caller who is gone.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from app.domain.calls import instructions, limits, schedule, timer_jobs, tokens
from app.domain.calls.apply import Change, apply_events, request_end
from app.domain.calls.carrier_client import client_of
from app.domain.calls.record import Call, CallTx, Changes
from app.domain.context import Context, iso
from app.domain.errors import Invalid
from app.domain.legs.queue import callback, plan, sentences
from app.domain.legs.queue.plan import Mode, QueuePlan
from app.store import accounts, events, queue
from app.store.queue import Ticket
from app.store.vault import WrongKey
from providers.base.instructions import Hold, Instruction
from providers.base.rest import CarrierClient
from providers.base.webhook import HookKind
from providers.common.json_types import JsonDict, JsonObject
from providers.errors import NotConfigured
from providers.events import CallEvent, CallStatus, EventKind

SHOWN = "queue"
"""Field of the Call: where its leg stands."""
OF_TICKETS = frozenset({SHOWN, "schedulePlan"})
"""Without one of these a Call has no ticket, where there is no limit."""
MUSIC_SECONDS, SHORT_MUSIC_SECONDS = 12, 3
"""The length of our music. The short one is for accounts that cannot call a leg to its slot."""
OWN_AUDIO_SECONDS = 120.0
"""The longest that a turn with another's audio may last. Its length is not known here."""
TOLD_AGAIN = timedelta(seconds=60)
"""The position is said again after this time, and at once when it changes."""
CHARACTERS_A_SECOND = 12
GRACE_SECONDS = 10.0
"""How late a leg may ask for its next turn until it counts as missing."""
USUAL_SECONDS = 180.0
"""The length of a call, as long as there are none to learn from."""
TURN, CALLED = "queue", "queue called"
"""Make the callback tokens of a leg that asks for its next turn, or was called to its slot."""
CALLED_SECONDS = 5.0
"""How long a leg that was called has to come. Until then its usual turn takes no slot.

The API would tear it from the assistant otherwise: its request may still be under way.
"""
CONNECTED, GONE, TIMED_OUT, CALLBACK = "connected", "gone", "timed-out", "callback"
"""Outcomes of ``queue.left``."""


def get(tx: CallTx) -> Ticket | None:
    """The call's ticket; None: it does not wait. No query where no leg can wait."""
    return queue.get(tx.conn, tx.call.id) if may_wait(tx.context, tx.call) else None


def may_wait(context: Context, call: Call) -> bool:
    """Whether the call's leg may be in the line: with a limit, or since before it was taken away."""
    return bool(context.settings.max_concurrent_calls) or SHOWN in call.body


def may_enter(tx: CallTx) -> bool:
    return plan.of_call(tx).mode is not Mode.OFF and tx.call.status != CallStatus.ENDED


def refuse(tx: CallTx) -> list[Instruction]:
    """Let a leg without a slot wait, where it may. Otherwise its call ends, and the leg returns."""
    if not may_enter(tx):
        return limits.refuse_media(tx)
    return hold(tx, enter(tx))


def enter(tx: CallTx) -> Ticket:
    """Put the call at the end of the line.

    It does not wait yet, and the caller holds the lock of the slots (``limits.is_full``).
    """
    now, number = tx.context.now(), tx.call.facts.customer.get("number")
    ticket = Ticket(
        call_id=tx.call.id,
        ticket=queue.next_ticket(tx.conn),
        kind=queue.LEG,
        caller=number if isinstance(number, str) else None,
        offers_callback=plan.of_call(tx).mode is Mode.CALLBACK and callback.is_possible(tx),
        entered_at=now,
        told_position=None,
        told_at=None,
        turn_until=now,
    )
    queue.add(tx.conn, ticket)
    position = queue.ahead(tx.conn, ticket) + 1
    entered = CallEvent(
        EventKind.QUEUE_ENTERED,
        at=now,
        key=f"queue.entered:{iso(now)}",
        data={"position": position},
    )
    apply_events(tx, [entered], _shown(tx, ticket, position, expected_minutes(tx, position)))
    schedule.stop(tx, schedule.JOIN)
    timer_jobs.look_at_waiting(tx)
    return ticket


def take(tx: CallTx, ticket: Ticket, *, called: bool = False) -> bool:
    """Take a free slot for a leg that waits, if its turn has come. ``called``: by the API."""
    if limits.is_full(tx) or (is_called(tx, ticket) and not called):
        return False
    _leave(tx, ticket, CONNECTED)
    schedule.stop(tx, schedule.JOIN)  # of a document that ended while the leg waited
    schedule.start(tx, schedule.JOIN, tx.context.settings.join_timeout_seconds)
    return True


def is_called(tx: CallTx, ticket: Ticket) -> bool:
    """Whether the API may be about to call the leg."""
    at = ticket.called_at
    return at is not None and tx.context.now() < at + timedelta(seconds=CALLED_SECONDS)


def seconds_left(tx: CallTx, ticket: Ticket) -> float:
    """Until the leg counts as missing, unless it asks for its next turn before."""
    return (ticket.turn_until - tx.context.now()).total_seconds() + GRACE_SECONDS


def connect(tx: CallTx, ticket: Ticket) -> list[Instruction]:
    """The document of a leg that has just taken its slot."""
    given = instructions.tokens_for(tx, _left_key(ticket), tx.context.now())
    return [instructions.connect(tx.context, tx.call, given)]


def connect_again(tx: CallTx) -> list[Instruction]:
    """The same document, for a leg that asks again before its assistant joined."""
    left = _last_left(tx)
    given = instructions.tokens_for(tx, left.key if left else None)
    return [instructions.connect(tx.context, tx.call, given)]


def offers_callback(tx: CallTx, ticket: Ticket) -> bool:
    """Whether the caller may ask for a callback. Another leg of the number may have done so."""
    return ticket.offers_callback and not queue.has_callback(tx.conn, ticket.caller or "")


def hold(tx: CallTx, ticket: Ticket) -> list[Instruction]:
    """One turn of the wait: what is new for the caller, and music."""
    now, how, offers = tx.context.now(), plan.of_call(tx), offers_callback(tx, ticket)
    position = queue.ahead(tx.conn, ticket) + 1
    told = sentences.of_assistant(tx.call.facts.assistant)
    text = ""
    told_at = ticket.told_at
    if _is_news(ticket, position, now):
        minutes = expected_minutes(tx, position)
        text = sentences.announcement(told, position, minutes, offers_callback=offers)
        told_at = now
        _tell(tx, ticket, position, minutes)
    music = _seconds(tx, how)
    seconds = music + len(text) / CHARACTERS_A_SECOND
    left = (ticket.entered_at + timedelta(seconds=how.max_seconds) - now).total_seconds()
    queue.turn(tx.conn, tx.call.id, now + timedelta(seconds=seconds), position, told_at)
    schedule.stop(tx, schedule.QUEUE)
    schedule.start(tx, schedule.QUEUE, max(1.0, min(seconds + GRACE_SECONDS, left)))
    return [
        Hold(
            audio_url=how.audio_url or music_url(tx, int(music)),
            next_url=wait_url(tx),
            text=text,
            language=told.code if text else "",
            takes_key=offers,
        )
    ]


def give_up(tx: CallTx, ticket: Ticket) -> None:
    """The caller has waited for the longest time. The caller of this ends the call."""
    _leave(tx, ticket, TIMED_OUT)


def call_back(tx: CallTx, ticket: Ticket) -> bool:
    """The caller asked for a callback, which keeps the place: end this call.

    False, and nothing is changed, if the caller may not be dialled any more. The caller of this
    holds the lock of the slots (``take``), and has asked ``offers_callback`` under it.
    """
    told = sentences.of_assistant(tx.call.facts.assistant)
    try:
        made = callback.create_call(tx)
    except Invalid:
        return False
    _leave(tx, ticket, CALLBACK, {"callId": made.id})
    callback.create_ticket(tx, ticket, made)
    tx.update(facts=tx.call.facts._replace(spoken=told.callback, spoken_language=told.code))
    request_end(tx, callback.REASON, callback.MESSAGE.format(made.id))
    return True


def ended(change: Change) -> None:
    """A call that is over waits no longer. It is no event of its own that could fold."""
    tx = change.tx
    ticket = queue.get(tx.conn, tx.call.id)
    if ticket is None:
        return
    queue.remove(tx.conn, tx.call.id)
    if ticket.kind == queue.LEG:
        left = _left(tx, ticket, GONE, {})
        events.add(tx.conn, tx.call.id, left, tx.context.now())
        schedule.stop(tx, schedule.QUEUE)
        tx.update(body=_hidden(tx))


def can_be_called(tx: CallTx) -> bool:
    """Whether the carrier's API may call the leg to its slot."""
    credential = accounts.get_credential(tx.conn, tx.call.credential_id)
    try:
        return client(tx, credential) is not None
    except (NotConfigured, WrongKey):
        return False


def client(tx: CallTx, credential: JsonObject | None) -> CarrierClient | None:
    """The API that may call the leg, if there is one. Raises ``NotConfigured`` and ``WrongKey``."""
    found = client_of(tx.context, tx.call, credential)
    return found if tx.call.facts.leg_ref and found.can_redirect() else None


def wait_url(tx: CallTx, purpose: str = TURN) -> str:
    """Where a leg that waits asks for its next document."""
    token = wait_token(tx, purpose)
    return instructions.hook_url(tx.context, tx.carrier, HookKind.WAIT, token)


def wait_token(tx: CallTx, purpose: str) -> str:
    """The callback token of ``TURN`` or ``CALLED``."""
    vault, at = tx.context.vault, tx.call.created_at
    return tokens.document_tokens(vault, tx.call.id, purpose, at).callback


def music_url(tx: CallTx, seconds: int) -> str:
    return f"{tx.context.settings.public_url}/hold-music/{seconds}.wav"


def expected_minutes(tx: CallTx, position: int) -> int:
    """Until a slot is free for this position, by the length of the last calls."""
    usual = queue.mean_length(tx.conn, tx.call.org_id) or USUAL_SECONDS
    slots = max(1, tx.context.settings.max_concurrent_calls)
    return max(1, math.ceil(position * usual / slots / 60))


# ------------------------------------------------------------------ parts


def _is_news(ticket: Ticket, position: int, now: datetime) -> bool:
    if ticket.told_at is None or ticket.told_position != position:
        return True
    return now - ticket.told_at >= TOLD_AGAIN


def _tell(tx: CallTx, ticket: Ticket, position: int, minutes: int) -> None:
    """Store a position that has changed."""
    if ticket.told_position in {None, position}:
        return
    now = tx.context.now()
    key = f"queue.position:{iso(ticket.entered_at)}:{position}"
    moved = CallEvent(EventKind.QUEUE_POSITION, at=now, key=key, data={"position": position})
    apply_events(tx, [moved], _shown(tx, ticket, position, minutes))


def _seconds(tx: CallTx, how: QueuePlan) -> float:
    if how.audio_url:
        return OWN_AUDIO_SECONDS
    return float(MUSIC_SECONDS if can_be_called(tx) else SHORT_MUSIC_SECONDS)


def _leave(tx: CallTx, ticket: Ticket, outcome: str, data: JsonDict | None = None) -> None:
    queue.remove(tx.conn, tx.call.id)
    schedule.stop(tx, schedule.QUEUE)
    apply_events(tx, [_left(tx, ticket, outcome, data or {})], {"body": _hidden(tx)})


def _left(tx: CallTx, ticket: Ticket, outcome: str, data: JsonDict) -> CallEvent:
    now = tx.context.now()
    waited = round((now - ticket.entered_at).total_seconds(), 3)
    told = {"outcome": outcome, "waitedSeconds": waited, **data}
    return CallEvent(EventKind.QUEUE_LEFT, at=now, key=_left_key(ticket), data=told)


def _left_key(ticket: Ticket) -> str:
    return f"queue.left:{iso(ticket.entered_at)}"


def _last_left(tx: CallTx) -> CallEvent | None:
    log = events.of_call(tx.conn, tx.call.id)
    return next((e for e in reversed(log) if e.kind is EventKind.QUEUE_LEFT), None)


def _shown(tx: CallTx, ticket: Ticket, position: int, minutes: int) -> Changes:
    told = {
        "position": position,
        "enteredAt": iso(ticket.entered_at),
        "expectedWaitSeconds": 60 * minutes,
    }
    return {"body": {**tx.call.body, SHOWN: told}}


def _hidden(tx: CallTx) -> JsonDict:
    return {name: value for name, value in tx.call.body.items() if name != SHOWN}
