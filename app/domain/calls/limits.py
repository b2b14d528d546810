"""What may be had at most: new calls a minute (per API key), and calls at a time (in all).

Both are counted in the store, so they hold however many processes there are. Carriers' webhooks
have no rate: a leg that is refused its document is a caller who hears nothing.
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
    """RATE_LIMIT_PER_MINUTE of one API key: so many at once, and then as they come free."""

    def __init__(self, context: Context, key_id: str) -> None:
        self.context = context
        self.key_id = key_id
        self.limit = context.settings.rate_limit_per_minute

    def check(self) -> None:
        """Before anything is done for the request. Raises ``TooMany``; uses nothing."""
        if self.limit:
            with self.context.store.read() as conn:
                self._refuse(conn, at_least=0.0)

    def consume(self, conn: Connection) -> None:
        """In the transaction that makes the call. Raises ``TooMany``."""
        if not self.limit:
            return
        cost = WINDOW // self.limit  # rounded up, the last one would not fit into the window
        if not rate_limits.take(conn, self.key_id, self.context.now(), cost, WINDOW):
            self._refuse(conn, at_least=1.0)

    def _refuse(self, conn: Connection, at_least: float) -> None:
        """``at_least``: seconds to wait, though the bucket was emptied by now."""
        free_at = rate_limits.empty_at(conn, self.key_id) + WINDOW // self.limit - WINDOW
        wait = max(at_least, (free_at - self.context.now()).total_seconds())
        if wait > 0:
            raise TooMany(
                f"More than {self.limit} calls a minute with one API key: "
                f"try again in {math.ceil(wait)} s, or raise `RATE_LIMIT_PER_MINUTE`",
                retry_after=math.ceil(wait),
            )


def check_capacity(context: Context, conn: Connection) -> None:
    """Before a call is made by the API. Raises ``Invalid``: a limit is 400 at Vapi's."""
    most = context.settings.max_concurrent_calls
    if most and capacity.slots_in_use(conn) >= most:
        raise _over(context)


def reserve_slot(tx: CallTx) -> None:
    """For a call we dial, whose row is written: from now on its slot is taken. Raises ``Invalid``."""
    if is_full(tx):
        raise _over(tx.context)


def is_full(tx: CallTx) -> bool:
    """Whether the other calls leave no slot for this one's leg.

    To be asked last in its transaction: it waits for others who ask.
    """
    most = tx.context.settings.max_concurrent_calls
    if not most:
        return False
    capacity.lock_slots(tx.conn)
    return capacity.slots_in_use(tx.conn, but=tx.call.id) >= most


def refuse_media(tx: CallTx) -> list[Instruction]:
    """The call ends for want of a slot, and its leg goes its way."""
    request_end(tx, EndedReason.NO_SERVER_AVAILABLE)
    return instructions.return_leg(tx.call)


def has_slot(context: Context, conn: Connection, call_id: str) -> bool:
    """For a socket whose leg never asked us for a document; without a slot its call ends here."""
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
