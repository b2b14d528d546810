"""Server messages of all calls that failed."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.context import Context, iso
from app.store import overview

MOST = 100
"""Messages that one page lists, and one press of the button resends."""


@dataclass(frozen=True, slots=True)
class FailedMessage:
    """One line of the list."""

    id: str
    call_id: str
    type: str
    url: str
    attempts: int
    failed_at: str


def failed(context: Context, org_id: str) -> list[FailedMessage]:
    """The failed messages of the organisation, newest first."""
    with context.store.read() as conn:
        rows = overview.failed_messages(conn, org_id, MOST)
    return [
        FailedMessage(
            id=row["id"],
            call_id=row["call_id"],
            type=row["type"],
            url=row["url"].partition("?")[0],  # a query may hold a secret
            attempts=row["attempts"],
            failed_at=iso(row["updated_at"]) or "",
        )
        for row in rows
    ]
