"""The calls that analytics are computed from: a few columns of each, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.store.engine import Row, every
from app.store.schema import calls


def calls_between(
    conn: Connection, org_id: str, start: datetime, end: datetime, most: int
) -> Sequence[Row]:
    """The newest calls that were created from ``start`` on and before ``end``, at most ``most``."""
    own = calls.c
    query = (
        sa.select(
            own.created_at,
            own.type,
            own.assistant_id,
            own.ended_reason,
            own.status,
            own.started_at,
            own.ended_at,
            own.body["cost"].as_float().label("cost"),
            own.body["costBreakdown"].as_json().label("cost_breakdown"),
            own.body[("analysis", "successEvaluation")].as_json().label("success"),
            own.body["variableValues"].as_json().label("variables"),
        )
        .where(own.org_id == org_id, own.created_at >= start, own.created_at < end)
        .order_by(own.created_at.desc(), own.id.desc())
        .limit(most)
    )
    return every(conn.execute(query))
