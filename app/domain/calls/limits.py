"""The limits: new calls per minute for each API key, and concurrent calls in all.

The store counts both, so that they hold for all processes together.
Carriers' webhooks have no rate limit, because a leg without a document leaves its caller in
silence.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy.engine import Connection

from app.domain.calls import instructions
from app.domain.calls.apply import request_end
from app.domain.calls.record import CallTx
from app.domain.context import Context
from app.domain.errors import Invalid, TooMany
from app.store import capacity, queue, rate_limits
from providers.base.instructions import Instruction
from providers.common.json_types import JsonDict
from providers.events import CallEvent, EndedReason, EventKind

WINDOW = timedelta(minutes=1)
GETS_SLOT = {EventKind.LEG_FETCHED, EventKind.QUEUE_LEFT, EventKind.MEDIA_CONNECTED}
"""A call with one of these has a slot, unless it waits."""


class RateLimit:
    """RATE_LIMIT_PER_MINUTE of one API key, as a leaky bucket of one minute."""

    def __init__(self, context: Context, key_id: str) -> None:
        self.context = context
        self.key_id = key_id
        self.limit = context.settings.rate_limit_per_minute

    def check(self) -> None:
        """Check the limit before the request is processed. Raises ``TooMany``; consumes nothing."""
        if self.limit:
            with self.context.store.read() as conn:
                self._refuse(conn, at_least=0.0)

    def consume(self, conn: Connection) -> None:
        """Count one call, in the transaction that creates it. Raises ``TooMany``."""
        if not self.limit:
            return
        cost = WINDOW // self.limit  # rounded down, so that the last call fits into the window
        if not rate_limits.take(conn, self.key_id, self.context.now(), cost, WINDOW):
            self._refuse(conn, at_least=1.0)

    def _refuse(self, conn: Connection, at_least: float) -> None:
        """Raise ``TooMany`` while the bucket is full. The wait is ``at_least`` seconds."""
        free_at = rate_limits.empty_at(conn, self.key_id) + WINDOW // self.limit - WINDOW
        wait = max(at_least, (free_at - self.context.now()).total_seconds())
        if 0 < wait < (WINDOW + rate_limits.CLOCKS).total_seconds():
            raise TooMany(
                f"More than {self.limit} calls a minute with one API key: "
                f"try again in {math.ceil(wait)} s, or raise `RATE_LIMIT_PER_MINUTE`",
                retry_after=math.ceil(wait),
            )


def check_capacity(context: Context, conn: Connection) -> None:
    """Check for a free slot before the API creates a call. Raises ``Invalid``.

    Vapi answers 400 at its limit, too.
    """
    if context.settings.max_concurrent_calls and _left(context, conn) <= 0:
        raise _over(context)


def reserve_slot(tx: CallTx) -> None:
    """Take a slot for an outbound call, after its row is written. Raises ``Invalid``."""
    if is_full(tx):
        raise _over(tx.context)


def is_full(tx: CallTx, *, has_slot: bool = False) -> bool:
    """Whether the other calls leave no slot for this call's leg.

    Legs that wait ahead of it have taken their slots already, unless the call has one itself.
    Call it last in a transaction: it locks the slots until the commit.
    """
    most = tx.context.settings.max_concurrent_calls
    if not most:
        return False
    capacity.lock_slots(tx.conn)
    ticket = queue.get(tx.conn, tx.call.id)
    ahead = 0 if has_slot and ticket is None else queue.ahead(tx.conn, ticket)
    return capacity.slots_in_use(tx.conn, but=tx.call.id) + ahead >= most


def had_slot(tx: CallTx, log: Sequence[CallEvent], but: Sequence[CallEvent] = ()) -> bool:
    """Whether the call had a slot before these events: its leg got a document, or we dialled it.

    ``log``: all its events.
    """
    new = {event.key for event in but}
    return not tx.call.bypass or any(e.kind in GETS_SLOT and e.key not in new for e in log)


def refuse_media(tx: CallTx) -> list[Instruction]:
    """End the call for lack of a slot, and return its leg."""
    request_end(tx, EndedReason.NO_SERVER_AVAILABLE)
    return instructions.return_leg(tx.call)


def subscription(tx: CallTx) -> JsonDict:
    """``subscriptionLimits`` of a new call. The rest that is left counts this call, as Vapi's does."""
    left = _left(tx.context, tx.conn, but=tx.call.id)
    return {
        "concurrencyBlocked": left <= 0,
        "concurrencyLimit": tx.context.settings.max_concurrent_calls,
        "remainingConcurrentCalls": max(0, left),
    }


def _left(context: Context, conn: Connection, but: str = "") -> int:
    """Slots that neither a call has, except ``but``, nor a leg that waits will take. May be negative."""
    most = context.settings.max_concurrent_calls
    return most - capacity.slots_in_use(conn, but) - queue.length(conn)


def _over(context: Context) -> Invalid:
    most = context.settings.max_concurrent_calls
    return Invalid(f"Over Concurrency Limit. `MAX_CONCURRENT_CALLS` Is {most}.")
