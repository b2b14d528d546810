"""``POST /analytics``: its numbers are those of the calls that the API lists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from app.domain.reporting import analytics
from bench.dashboard import KEY, fill
from bench.fresh import new_app
from tests.routes.api import Api, refused

COUNT = {"operation": "count", "column": "id"}


@pytest.fixture(scope="module")
def app() -> Iterator[Flask]:
    """With calls of its own."""
    with new_app() as made:
        fill(made, 60)
        yield made


@pytest.fixture(scope="module")
def api(app: Flask) -> Api:
    return Api(app, KEY)


@pytest.fixture(scope="module")
def calls(api: Api) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get("/call", limit=100).json
    assert len(found) == 60
    return found


def asked(api: Api, *operations: dict[str, Any], **query: Any) -> dict[str, Any]:
    """The answer to one query."""
    body = {"table": "call", "name": "x", "operations": list(operations), **query}
    answer = api.post("/analytics", {"queries": [body]})
    assert answer.status_code == 201, answer.text
    [only] = answer.json
    return dict(only)


def test_one_number_of_all(api: Api, calls: list[dict[str, Any]]) -> None:
    """The default is a week up to now, in UTC; a name is both words."""
    total = {"operation": "sum", "column": "cost", "alias": "total"}
    mean = {"operation": "avg", "column": "duration"}
    found = asked(api, COUNT, total, mean)
    [row] = found["result"]
    assert row["countId"] == 60
    assert row["total"] == pytest.approx(sum(call.get("cost", 0) for call in calls))
    minutes = [
        (at(call["endedAt"]) - at(call["startedAt"])).total_seconds() / 60
        for call in calls
        if "startedAt" in call and "endedAt" in call
    ]
    assert row["avgDuration"] == pytest.approx(sum(minutes) / len(minutes))
    span = found["timeRange"]
    assert (span["timezone"], "step" in span) == ("UTC", False)
    assert at(span["end"]) - at(span["start"]) == timedelta(days=7)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_groups(api: Api, calls: list[dict[str, Any]]) -> None:
    found = asked(api, COUNT, groupBy=["status", "endedReason"])["result"]
    expected = Counter((call["status"], call.get("endedReason")) for call in calls)
    assert {(row["status"], row["endedReason"]): row["countId"] for row in found} == expected
    by_evaluation = asked(api, COUNT, groupBy=["analysis.successEvaluation"])["result"]
    assert sum(row["countId"] for row in by_evaluation) == 60


def test_steps_of_a_time_zone(api: Api, calls: list[dict[str, Any]]) -> None:
    """In the order of time; what has no call is absent."""
    step = {"step": "hour", "timezone": "Asia/Kolkata"}
    found = asked(api, COUNT, timeRange=step)["result"]
    hours = Counter(
        f"{at(call['createdAt']) + timedelta(hours=5.5):%Y-%m-%dT%H:00:00}" for call in calls
    )
    assert [row["date"] for row in found] == sorted(hours)
    assert {row["date"]: row["countId"] for row in found} == hours


def test_a_time_without_calls(api: Api) -> None:
    span = {"start": "2001-01-01T00:00:00Z", "end": "2001-02-01T00:00:00Z"}
    most = {"operation": "max", "column": "costBreakdown.llm"}
    assert asked(api, COUNT, most, timeRange=span)["result"] == [
        {"countId": 0, "maxCostBreakdownLlm": None}
    ]
    assert asked(api, COUNT, timeRange=span, groupBy=["type"])["result"] == []


def test_variables(api: Api) -> None:
    [row] = asked(api, COUNT, groupByVariableValue=[{"key": "shop"}])["result"]
    assert row == {"shop": None, "countId": 60}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"table": "subscription"}, "queries.0.table must be call: no subscriptions are kept"),
        ({"groupBy": "status"}, "queries.0.groupBy must be an array"),
        ({"groupBy": ["customer"]}, "each value in groupBy must be one of the following values"),
        ({"operations": []}, "queries.0.operations"),
        ({"operations": [{"operation": "history", "column": "id"}]}, "operations.0.operation"),
        (
            {"timeRange": {"timezone": "Nowhere/None"}},
            "queries.0.timeRange.timezone must be a time",
        ),
    ],
    ids=str,
)
def test_a_query_that_cannot_be_answered(api: Api, change: dict[str, Any], message: str) -> None:
    body = {"table": "call", "name": "x", "operations": [COUNT], **change}
    assert message in str(refused(api.post("/analytics", {"queries": [body]})))


def test_too_many_calls_are_no_part_of_them(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analytics, "MOST_CALLS", 59)
    body = {"table": "call", "name": "all", "operations": [COUNT]}
    told = refused(api.post("/analytics", {"queries": [body]}))
    assert told.startswith("all: timeRange has more than 59 calls, ")


def test_a_request_has_a_bound(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Queries of one time range share its calls; those of others add theirs."""
    one = {"table": "call", "name": "a", "operations": [COUNT]}
    other = {**one, "name": "b", "timeRange": {"start": "2001-01-01T00:00:00Z"}}
    monkeypatch.setattr(analytics, "MOST_CALLS", 119)
    assert api.post("/analytics", {"queries": [one] * 4}).status_code == 201
    assert refused(api.post("/analytics", {"queries": [one, other]})).startswith("b: timeRange")
    monkeypatch.setattr(analytics, "MOST_NUMBERS", 239)
    told = refused(api.post("/analytics", {"queries": [one, {**one, "operations": [COUNT] * 3}]}))
    assert told.startswith("the queries have more than 239 values")


def test_it_takes_a_key(api: Api) -> None:
    assert Api(api.app, "wrong").post("/analytics", {"queries": []}).status_code == 401
