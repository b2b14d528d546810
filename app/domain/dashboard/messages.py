"""A call's server messages, each with its attempts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.domain.calls.record import Call
from app.domain.context import Context, iso
from app.domain.reporting.message_json import NextAttempt, next_attempts
from app.store import messages
from providers.common.json_types import JsonObject

MOST = 200
"""Messages that one page shows: the last ones."""
MOST_RESPONSE = 1_000


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """``outcome``: the status code, or the error."""

    at: str
    milliseconds: int
    outcome: str
    is_good: bool
    response: str


@dataclass(frozen=True, slots=True)
class MessageRow:
    """One message. ``next_at`` is empty unless it waits.

    ``waits_for``: the type of the older message that has to be delivered, or to fail, before it.
    """

    id: str
    type: str
    state: str
    url: str
    created_at: str
    next_at: str
    waits_for: str
    attempts: list[AttemptRow]


def messages_of(context: Context, call: Call) -> list[MessageRow]:
    """In the order that they are sent."""
    with context.store.read() as conn:
        rows = messages.list_for_call(conn, call.org_id, call.id)
        tried = {row["id"]: messages.attempts(conn, row["id"]) for row in rows[-MOST:]}
    following = next_attempts(rows, context.now())
    types = {row["id"]: row["type"] for row in rows}
    return [
        _row(row, following.get(row["id"]), types, [_attempt(each) for each in tried[row["id"]]])
        for row in rows[-MOST:]
    ]


def _row(
    row: JsonObject,
    following: NextAttempt | None,
    types: Mapping[str, str],
    attempts: list[AttemptRow],
) -> MessageRow:
    return MessageRow(
        id=row["id"],
        type=row["type"],
        state=row["state"],
        url=row["url"].partition("?")[0],  # a query may hold a secret
        created_at=iso(row["created_at"]) or "",
        next_at=(iso(following.at) or "") if following else "",
        waits_for=types.get(following.blocked_by or "", "") if following else "",
        attempts=attempts,
    )


def _attempt(row: JsonObject) -> AttemptRow:
    code = row["status_code"]
    return AttemptRow(
        at=iso(row["at"]) or "",
        milliseconds=row["duration_ms"],
        outcome=str(code) if code else str(row["error"] or "no answer"),
        is_good=code is not None and 200 <= code < 300,
        response=(row["response"] or "")[:MOST_RESPONSE],
    )
