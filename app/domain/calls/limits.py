"""The limits: new calls per minute for each API key, and concurrent calls in all.

The store counts both, so that they hold for all processes together.
Carriers' webhooks have no rate limit, because a leg without a document leaves its caller in
silence.
"""

from __future__ import annotations

import math
from datetime import timedelta

from sqlalchemy.engine import Connection

from app.domain.calls import instructions, record
from app.domain.calls.apply import request_end
from app.domain.calls.record import CallTx
from app.domain.context import Context
from app.domain.errors import Invalid, TooMany
from app.store import capacity, rate_limits
from providers.base.instructions import Instruction
from providers.events import EndedReason

WINDOW = timedelta(minutes=1)


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
        if wait > 0:
            raise TooMany(
                f"More than {self.limit} calls a minute with one API key: "
                f"try again in {math.ceil(wait)} s, or raise `RATE_LIMIT_PER_MINUTE`",
                retry_after=math.ceil(wait),
            )


def check_capacity(context: Context, conn: Connection) -> None:
    """Check for a free slot before the API creates a call. Raises ``Invalid``.

    Vapi answers 400 at its limit, too.
    """
    most = context.settings.max_concurrent_calls
    if most and capacity.slots_in_use(conn) >= most:
        raise _over(context)


def reserve_slot(tx: CallTx) -> None:
    """Take a slot for an outbound call, after its row is written. Raises ``Invalid``."""
    if is_full(tx):
        raise _over(tx.context)


def is_full(tx: CallTx) -> bool:
    """Whether the other calls leave no slot for this call's leg.

    Call it last in a transaction: it locks the slots until the commit.
    """
    most = tx.context.settings.max_concurrent_calls
    if not most:
        return False
    capacity.lock_slots(tx.conn)
    return capacity.slots_in_use(tx.conn, but=tx.call.id) >= most


def refuse_media(tx: CallTx) -> list[Instruction]:
    """End the call for lack of a slot, and return its leg."""
    request_end(tx, EndedReason.NO_SERVER_AVAILABLE)
    return instructions.return_leg(tx.call)


def has_slot(context: Context, conn: Connection, call_id: str) -> bool:
    """Whether a media socket's call has a slot; the call ends without one.

    The leg of such a socket may have requested no document before.
    """
    if not context.settings.max_concurrent_calls:
        return True
    call = record.get(conn, call_id, lock=True)
    if call is not None and is_full(tx := CallTx(context, conn, call)):
        refuse_media(tx)
        return False
    return True


def _over(context: Context) -> Invalid:
    most = context.settings.max_concurrent_calls
    return Invalid(f"Over Concurrency Limit. `MAX_CONCURRENT_CALLS` Is {most}.")
