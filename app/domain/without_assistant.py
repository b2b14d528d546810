"""A leg is here and no assistant answers it: the number's fallback destination, or goodbye."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.engine import Connection

from app.domain import documents, forwarding, ledger
from app.domain.core import Core, Row
from app.store import calls
from providers.base import Instruction, Say
from providers.events import CallStatus, EndedReason


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no assistant. ``spoken``: what the caller is told, by the server's wish."""

    reason: EndedReason
    message: str | None = None
    spoken: str | None = None


def give_up(core: Core, conn: Connection, row: Row, refusal: Refusal) -> None:
    """End the call for this reason; or forward it first, where the number says where to.

    What the server wants said is no failure, so nothing else is tried then.
    """
    number = row["resolved"].get("phoneNumber") or {}
    fallback, message = number.get("fallbackDestination"), refusal.message
    if fallback and refusal.spoken is None:
        problem = forwarding.begin(core, conn, row, fallback, reason=refusal.reason, assisted=False)
        if problem is None:
            return
        message = "; ".join(filter(None, (message, f"fallbackDestination: {problem}")))
    if refusal.spoken:
        row["resolved"] = {**row["resolved"], "spoken": refusal.spoken}
        calls.update(conn, row["id"], {"resolved": row["resolved"]})
    ledger.intend(core, conn, row, refusal.reason, message)


def goodbye(row: Row) -> list[Instruction]:
    """What the leg of a call that is over is told, however often it asks."""
    spoken = row["resolved"].get("spoken")
    return [*([Say(spoken)] if spoken else []), *documents.leave(row)]


def instead(core: Core, conn: Connection, row: Row) -> list[Instruction]:
    """After ``give_up``: where the leg goes."""
    state = ledger.state_of(conn, row["id"])
    if state.status is CallStatus.FORWARDING:
        return forwarding.hand_over(core, conn, row, state)
    return goodbye(row)
