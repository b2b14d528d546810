"""``POST /analytics``: sums, averages and counts over an organisation's calls, in groups.

https://docs.vapi.ai/api-reference/analytics/get
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from functools import reduce
from statistics import fmean

from app.domain.context import Context, iso
from app.domain.errors import Invalid
from app.domain.reporting.time_steps import Step, begun
from app.store import analytics
from app.store.engine import Row
from providers.common.json_types import JsonDict

MOST_CALLS = 50_000
"""Of one request: to read them takes seconds."""
MOST_NUMBERS = 1_000_000
"""Calls times operations of one request: the process has calls to serve meanwhile."""
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

    @property
    def span(self) -> tuple[datetime, datetime]:
        return self.start, self.end

    @property
    def parts(self) -> set[str]:
        """The parts of a call's body that it is computed from."""
        columns = {each.column for each in self.operations}
        needs = {
            "cost": "cost" in columns,
            "cost_breakdown": any(COLUMNS[each] for each in columns),
            "success": "analysis.successEvaluation" in self.groups,
            "variables": bool(self.variables),
        }
        return {name for name, is_needed in needs.items() if is_needed}


def answers(context: Context, org_id: str, queries: Sequence[Query]) -> list[JsonDict]:
    """The result of each query. Raises ``Invalid`` if there are too many calls."""
    found = _calls(context, org_id, queries)
    if sum(len(found[each.span]) * len(each.operations) for each in queries) > MOST_NUMBERS:
        raise Invalid(
            f"the queries have more than {MOST_NUMBERS} values (calls times operations): "
            "ask for a shorter timeRange, or for less at once"
        )
    return [_answer(each, found[each.span]) for each in queries]


def _calls(
    context: Context, org_id: str, queries: Sequence[Query]
) -> Mapping[tuple[datetime, datetime], Sequence[Row]]:
    """The calls of each time range. Queries of one range read them once."""
    parts: dict[tuple[datetime, datetime], set[str]] = {}
    for query in queries:
        parts.setdefault(query.span, set()).update(query.parts)
    found: dict[tuple[datetime, datetime], Sequence[Row]] = {}
    left = MOST_CALLS
    with context.store.read() as conn:
        for span, needed in parts.items():
            found[span] = analytics.calls_between(conn, org_id, *span, left + 1, needed)
            left -= len(found[span])
            if left < 0:
                name = next(each.name for each in queries if each.span == span)
                raise Invalid(
                    f"{name}: timeRange has more than {MOST_CALLS} calls, together with those of "
                    "the queries before: ask for a shorter one"
                )
    return found


def _answer(query: Query, found: Sequence[Row]) -> JsonDict:
    span = {"start": iso(query.start), "end": iso(query.end), "timezone": query.zone_name}
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
    variables = [_plain(_member(call["variables"], name)) for name in query.variables]
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
