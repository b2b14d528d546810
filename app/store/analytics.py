"""The calls that analytics are computed from: a few columns of each, newest first."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.store.engine import Row, every
from app.store.schema import calls

BODY = calls.c.body
PLAIN = ("created_at", "type", "assistant_id", "ended_reason", "status", "started_at", "ended_at")
PARTS: Mapping[str, sa.ColumnElement[Any]] = {
    "cost": BODY["cost"].as_float(),
    "cost_breakdown": BODY["costBreakdown"].as_json(),
    "success": BODY[("analysis", "successEvaluation")].as_json(),
    "variables": BODY["variableValues"].as_json(),
}
"""Parts of the body. The database parses all of a call's body for each, so they cost the most."""


def calls_between(
    conn: Connection,
    org_id: str,
    start: datetime,
    end: datetime,
    most: int,
    parts: Collection[str] = (),
) -> Sequence[Row]:
    """The newest calls that were created from ``start`` on and before ``end``, at most ``most``.

    Each has the columns ``PLAIN``, and these ``parts`` of ``PARTS``.
    """
    own = calls.c
    columns = [own[name] for name in PLAIN]
    query = (
        sa.select(*columns, *(PARTS[name].label(name) for name in sorted(parts)))
        .where(own.org_id == org_id, own.created_at >= start, own.created_at < end)
        .order_by(own.created_at.desc(), own.id.desc())
        .limit(most)
    )
    return every(conn.execute(query))
