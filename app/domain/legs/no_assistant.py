"""A leg is here and no assistant answers it: the number's fallback destination, or goodbye."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.engine import Connection

from app.domain.calls import instructions
from app.domain.calls.apply import request_end, state_of
from app.domain.context import Context, Row
from app.domain.legs import transfer
from app.store import calls
from providers.base.instructions import Instruction, Say
from providers.events import CallStatus, EndedReason


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no assistant. ``spoken``: what the caller is told, by the server's wish."""

    reason: EndedReason
    message: str | None = None
    spoken: str | None = None


def end_call(context: Context, conn: Connection, row: Row, refusal: Refusal) -> None:
    """End the call for this reason; or forward it first, where the number says where to.

    What the server wants said is no failure, so nothing else is tried then.
    """
    number = row["resolved"].get("phoneNumber") or {}
    fallback, message = number.get("fallbackDestination"), refusal.message
    if fallback and refusal.spoken is None:
        problem = transfer.begin(
            context, conn, row, fallback, reason=refusal.reason, assisted=False
        )
        if problem is None:
            return
        message = "; ".join(filter(None, (message, f"fallbackDestination: {problem}")))
    if refusal.spoken:
        row["resolved"] = {**row["resolved"], "spoken": refusal.spoken}
        calls.update(conn, row["id"], {"resolved": row["resolved"]})
    request_end(context, conn, row, refusal.reason, message)


def farewell(row: Row) -> list[Instruction]:
    """What the leg of a call that is over is told, however often it asks."""
    spoken = row["resolved"].get("spoken")
    return [*([Say(spoken)] if spoken else []), *instructions.return_leg(row)]


def fallback(context: Context, conn: Connection, row: Row) -> list[Instruction]:
    """After ``end_call``: where the leg goes."""
    state = state_of(context, conn, row)
    if state.status is CallStatus.FORWARDING:
        return transfer.hand_over(context, conn, row, state)
    return farewell(row)
