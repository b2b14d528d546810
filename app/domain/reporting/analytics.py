"""``POST /analytics``: sums, averages and counts over an organisation's calls, in groups.

https://docs.vapi.ai/api-reference/analytics/get
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import reduce
from statistics import fmean

from app.domain.context import Context
from app.domain.errors import Invalid
from app.domain.reporting.time_steps import Step, begun
from app.store import analytics
from app.store.engine import Row
from providers.common.json_types import JsonDict

MOST_CALLS = 50_000
"""Of one query: to read them takes seconds."""
DEFAULT_SPAN = timedelta(days=7)
DIGITS = 8
"""Digits behind the point of a result."""

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "cost": (),
    "costBreakdown.analysisBreakdown.summary": ("analysisCostBreakdown", "summary"),
    "costBreakdown.llm": ("llm",),
    "costBreakdown.llmCachedPromptTokens": ("llmCachedPromptTokens",),
    "costBreakdown.llmCompletionTokens": ("llmCompletionTokens",),
    "costBreakdown.llmPromptTokens": ("llmPromptTokens",),
    "costBreakdown.stt": ("stt",),
    "costBreakdown.transcriber": ("stt",),
    "costBreakdown.transport": ("transport",),
    "costBreakdown.tts": ("tts",),
    "costBreakdown.ttsCharacters": ("ttsCharacters",),
    "costBreakdown.vapi": ("vapi",),
    "duration": (),
    "id": (),
}
"""Columns -> where the number is in ``costBreakdown``."""
GROUPS: Mapping[str, str] = {
    "analysis.successEvaluation": "success",
    "assistantId": "assistant_id",
    "endedReason": "ended_reason",
    "status": "status",
    "type": "type",
}
"""Values of ``groupBy`` -> columns of ``app/store/analytics.py``."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One number of each group. ``name``: how the result calls it."""

    kind: str
    column: str
    name: str


@dataclass(frozen=True, slots=True)
class Query:
    """One query. ``step`` None: the whole time is one step. ``variables``: keys to group by."""

    name: str
    operations: Sequence[Operation]
    start: datetime
    end: datetime
    zone: tzinfo
    zone_name: str
    step: Step | None = None
    groups: Sequence[str] = ()
    variables: Sequence[str] = ()


def answer(context: Context, org_id: str, query: Query) -> JsonDict:
    """The result of a query. Raises ``Invalid`` if there are too many calls."""
    with context.store.read() as conn:
        found = analytics.calls_between(conn, org_id, query.start, query.end, MOST_CALLS + 1)
    if len(found) > MOST_CALLS:
        raise Invalid(
            f"{query.name}: timeRange has more than {MOST_CALLS} calls: ask for a shorter one"
        )
    span = {"start": _iso(query.start), "end": _iso(query.end), "timezone": query.zone_name}
    step = {"step": str(query.step)} if query.step else {}
    return {"name": query.name, "timeRange": {**step, **span}, "result": _result(query, found)}


def _result(query: Query, found: Sequence[Row]) -> list[JsonDict]:
    """A row for each group that has calls, in the order of time. One for all without groups."""
    rows: dict[tuple[object, ...], list[Row]] = {}
    if not (query.step or query.groups or query.variables):
        rows[()] = []
    for call in reversed(found):
        rows.setdefault(_key(query, call), []).append(call)
    names = [*(["date"] if query.step else []), *query.groups, *query.variables]
    return [
        dict(zip(names, key, strict=True)) | _numbers(query, group) for key, group in rows.items()
    ]


def _key(query: Query, call: Row) -> tuple[object, ...]:
    date = [begun(query.step, call["created_at"].astimezone(query.zone))] if query.step else []
    values = call["variables"] if isinstance(call["variables"], Mapping) else {}
    variables = [_plain(values.get(name)) for name in query.variables]
    return (*date, *(_plain(call[GROUPS[name]]) for name in query.groups), *variables)


def _plain(value: object) -> object:
    """A value as a group's text or number; an object or a list counts as absent."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str | int | float) else None


def _numbers(query: Query, group: Sequence[Row]) -> JsonDict:
    return {
        each.name: OPERATIONS[each.kind](
            [number for call in group if (number := _number(call, each.column)) is not None]
        )
        for each in query.operations
    }


def _number(call: Row, column: str) -> float | None:
    """A column's number of one call; None: it has none. ``duration`` is in minutes, as at Vapi."""
    if column == "id":
        return 1.0
    if column == "cost":
        return float(call["cost"] or 0)
    if column == "duration":
        if call["started_at"] is None or call["ended_at"] is None:
            return None
        return float((call["ended_at"] - call["started_at"]).total_seconds()) / 60
    inner: object = reduce(_member, COLUMNS[column], call["cost_breakdown"])
    return float(inner) if isinstance(inner, int | float) else None


def _member(holder: object, name: str) -> object:
    return holder.get(name) if isinstance(holder, Mapping) else None


def _rounded(compute: Callable[[Sequence[float]], float]) -> Callable[[Sequence[float]], object]:
    """None of no numbers."""
    return lambda numbers: round(compute(numbers), DIGITS) if numbers else None


OPERATIONS: Mapping[str, Callable[[Sequence[float]], object]] = {
    "avg": _rounded(fmean),
    "count": len,
    "max": _rounded(max),
    "min": _rounded(min),
    "sum": lambda numbers: round(sum(numbers), DIGITS),
}


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
