"""A media socket whose call may have no slot: the leg of such a socket may ask for it first.

So it is with a document that the API gave, which the flow's owner serves. The handshake is refused,
the call waits, and the carrier's question about the failed socket gets the first turn.
"""

from __future__ import annotations

from sqlalchemy.engine import Connection

from app.domain.calls import limits, record
from app.domain.calls.record import Call, CallTx
from app.domain.context import Context
from app.domain.legs import no_capacity
from app.domain.legs.queue import line
from app.store import events


def has_slot(context: Context, conn: Connection, known: Call, stream: str) -> bool:
    """Whether a media socket's call has a slot. Without one it waits, or ends.

    ``known``: the call before it was locked. Its leg is in the line no more once it has its socket.
    """
    if not line.may_wait(context, known):
        return True
    call = record.get(conn, known.id, lock=True)
    if call is None:
        return True
    tx = CallTx(context, conn, call)
    ticket = line.get(tx)
    had_slot = limits.had_slot(tx, events.of_call(conn, call.id))
    if not limits.is_full(tx, has_slot=had_slot):
        if ticket is not None:
            line.take(tx, ticket, called=True)
        return True
    if not line.may_enter(tx):
        limits.refuse_media(tx)
        return False
    no_capacity.add_note(tx, stream, no_capacity.NO_SLOT)
    if ticket is None:
        line.enter(tx)
    return False
