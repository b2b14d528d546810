"""A server message as JSON: its state, when it is attempted next, and what it waits for. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from app.domain.context import iso
from app.store.messages import PENDING
from providers.common.json_types import JsonDict, JsonObject


@dataclass(frozen=True, slots=True)
class NextAttempt:
    """When a message is attempted, if all goes well until then."""

    at: datetime
    blocked_by: str | None = None
    """The id of the older message of its call that has to be delivered, or to fail, before it."""


def next_attempts(rows: Iterable[JsonObject], now: datetime) -> dict[str, NextAttempt]:
    """The next attempt at each pending message, by its id.

    ``rows``: messages of any calls, all pending ones of each call in the order they are sent. The
    stored time of one that waits for another is only when the dispatcher looks at it again.
    """
    found = dict[str, NextAttempt]()
    blocking = dict[str, NextAttempt]()  # by call: until when, and by which message at its front
    for row in rows:
        if row["state"] != PENDING:
            continue
        before = blocking.get(row["call_id"])
        at = max(now, row["next_at"]) if row["attempts"] or before is None else now
        if before is not None:
            at = max(at, before.at)
        found[row["id"]] = NextAttempt(at, before.blocked_by if before else None)
        # A refused message holds back others only while it is due.
        if not row["refused"] or row["next_at"] <= now:
            blocking[row["call_id"]] = NextAttempt(at, before.blocked_by if before else row["id"])
    return found


def message_json(row: JsonObject, following: NextAttempt | None) -> JsonDict:
    """The fields that every list of messages has. ``following``: of a pending one."""
    return {
        "id": row["id"],
        "type": row["type"],
        "state": row["state"],
        "url": row["url"],
        "createdAt": iso(row["created_at"]),
        "nextAttemptAt": following and iso(following.at),
        "blockedBy": following and following.blocked_by,
    }


def attempt_json(attempt: JsonObject) -> JsonDict:
    return {
        "at": iso(attempt["at"]),
        "durationMs": attempt["duration_ms"],
        "statusCode": attempt["status_code"],
        "error": attempt["error"],
        "response": attempt["response"],
    }
