"""What the carrier sent to the flow's owner about a call, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.calls.record import Call
from app.domain.context import Context, iso
from app.store import owner_callbacks
from app.store.owner_callbacks import PENDING
from providers.common.json_types import JsonObject


@dataclass(frozen=True, slots=True)
class PassedOn:
    """One request. Texts are empty where there is nothing."""

    at: str
    """When it came."""
    state: str
    attempts: int
    outcome: str
    """The status code or the error of the last attempt."""
    next_at: str
    url: str


def of_call(context: Context, call: Call) -> list[PassedOn]:
    """In the order of arrival, which is that of passing on."""
    with context.store.read() as conn:
        return [_row(each) for each in owner_callbacks.of_call(conn, call.id)]


def _row(row: JsonObject) -> PassedOn:
    is_pending = row["state"] == PENDING
    return PassedOn(
        at=iso(row["created_at"]) or "",
        state=row["state"],
        attempts=row["attempts"],
        outcome=str(row["error"] or row["status_code"] or ""),
        next_at=(iso(row["next_at"]) or "") if is_pending else "",
        url=row["url"].partition("?")[0],  # a query may hold a secret
    )
