"""An event of a call's log, as the API and the dashboard show it. Pure."""

from __future__ import annotations

from app.domain.context import iso
from providers.common.json_types import JsonDict, JsonObject


def event_json(row: JsonObject) -> JsonDict:
    """A row of the log. Unknown fields are absent."""
    event = {
        "kind": row["kind"],
        "source": row["source"],
        "at": iso(row["at"]),
        "receivedAt": iso(row["received_at"]),
        "sequence": row["sequence"],
        "reason": row["reason"],
        "stream": row["stream"],
        "data": row["data"] or None,
        "raw": row["raw"] or None,
        "key": row["key"],
    }
    return {name: value for name, value in event.items() if value is not None}
