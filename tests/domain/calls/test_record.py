"""A call's row, read and written: nothing is lost, whichever version of the program wrote it."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.assistant.config import AssistantConfig
from app.domain.calls import record
from app.domain.calls.facts import (
    NEW,
    CallFacts,
    CallServer,
    MonitorEndpoint,
    PendingForward,
    dump_facts,
    load_facts,
)
from app.domain.calls.record import Call
from app.store.schema import EPOCH
from providers.events import CallStatus, EndedReason

ROWS = sorted((Path(__file__).parent / "rows").glob("*.json"))
"""Rows as the suite's own stories have left them."""
AT = datetime(2026, 11, 23, 12, tzinfo=UTC)


def value(stored: dict[str, Any]) -> Any:
    if "$time" in stored:
        return datetime.fromisoformat(stored["$time"])
    return base64.b64decode(stored["$bytes"]) if "$bytes" in stored else stored


def row_of(path: Path) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(path.read_text(), object_hook=value)
    newer = ("timers", "next_timer_at", "stream", "squad_id")
    return {**row, **dict.fromkeys(newer)}


@pytest.fixture(params=ROWS, ids=lambda path: path.stem)
def row(request: pytest.FixtureRequest) -> dict[str, Any]:
    return row_of(request.param)


def text(columns: dict[str, Any]) -> str:
    """As the database gets it: the order of an object's keys counts as well."""
    return json.dumps(columns, default=repr)


def test_a_row_is_written_as_it_was_read(row: dict[str, Any]) -> None:
    token_data = row.pop("token_data", None)
    call = record.load({**row, "token_data": token_data})
    assert record.dump(call) == row
    assert text(record.dump(call)["resolved"]) == text(row["resolved"])
    assert call.token_data == (token_data or {})


def test_every_key_of_the_recorded_rows_is_known() -> None:
    known = set(_all_keys())
    assert {key for path in ROWS for key in row_of(path)["resolved"]} <= known


words = st.text(max_size=6)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(words, json_values, max_size=3)
maybe = st.none() | words
resolved = st.fixed_dictionaries(
    {},
    optional={
        "assistant": objects | st.none(),
        "customer": objects | st.none(),
        "phoneNumber": objects | st.none(),
        "number": maybe,
        "accountRef": maybe,
        "server": st.fixed_dictionaries({"url": words}, optional={"policy": objects})
        | st.just({"url": "u", "another": 1})
        | st.none(),
        "recorded": st.booleans(),
        "taped": st.booleans(),
        "legRef": maybe,
        "mediaLegRef": maybe,
        "apiUrl": maybe,
        "asking": st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
        "heardAt": st.fixed_dictionaries({"host": words, "path": words}),
        "forward": st.fixed_dictionaries(
            {
                "id": words,
                "destination": objects,
                "message": maybe,
                "reason": st.sampled_from(list(map(str, EndedReason))),
                "back": st.booleans(),
            },
            optional={"another": json_values},
        ),
        "spoken": maybe,
        "awaits": st.lists(words, max_size=3),
        "recordings": st.dictionaries(words, words, max_size=2),
        "analysis": st.fixed_dictionaries({"attempts": st.integers()}) | st.just({}),
    },
)
timers = st.dictionaries(
    words,
    st.fixed_dictionaries({"due": st.integers(0, 2**52)}, optional={"reattached": st.integers()}),
    max_size=3,
)


def with_next_timer(row: dict[str, Any]) -> dict[str, Any]:
    times = [timer["due"] for timer in (row["timers"] or {}).values()]
    return {**row, "next_timer_at": EPOCH + timedelta(microseconds=min(times)) if times else None}


unknown = st.dictionaries(words.map("another {}".format), json_values, max_size=3)
columns = st.fixed_dictionaries(
    {
        "id": words,
        "org_id": words,
        "type": words,
        "provider": words,
        "provider_call_id": maybe,
        "status": st.sampled_from(list(map(str, CallStatus))),
        "ended_reason": maybe,
        "started_at": st.none() | st.just(AT),
        "ended_at": st.none() | st.just(AT),
        "settled_at": st.none() | st.just(AT),
        "bypass": st.booleans(),
        "max_duration": st.integers(),
        "assistant_id": maybe,
        "stream": maybe,
        "squad_id": maybe,
        "customer_id": maybe,
        "phone_number_id": maybe,
        "credential_id": maybe,
        "body": objects,
        "resolved": st.builds(lambda known, more: {**more, **known}, resolved, unknown),
        "secret": st.none() | st.binary(max_size=4),
        "timers": st.none() | timers,
        "created_at": st.just(AT),
        "updated_at": st.just(AT),
    }
).map(with_next_timer)


@given(columns)
def test_any_row_is_written_as_it_was_read(row: dict[str, Any]) -> None:
    assert record.dump(record.load(row)) == row
    assert text(record.dump(record.load(row))["resolved"]) == text(row["resolved"])


CHANGED = {
    "assistant": (AssistantConfig({"name": "Ann"}), {"name": "Ann"}),
    "customer": ({"number": "+1"}, {"number": "+1"}),
    "phone_number": ({"id": "1"}, {"id": "1"}),
    "number": ("+1", "+1"),
    "account_ref": ("AC1", "AC1"),
    "key_id": ("key 1", "key 1"),
    "server": (
        CallServer("u", {"timeoutSeconds": 3}),
        {"url": "u", "policy": {"timeoutSeconds": 3}},
    ),
    "recorded": (True, True),
    "taped": (True, True),
    "leg_ref": ("CA1", "CA1"),
    "media_leg_ref": ("CA2", "CA2"),
    "api_url": ("https://api", "https://api"),
    "asking_since": (AT, "2026-11-23T12:00:00+00:00"),
    "heard_at": (MonitorEndpoint("h", "p"), {"host": "h", "path": "p"}),
    "forward": (
        PendingForward("1", {"type": "sip"}, None, EndedReason.UNKNOWN_ERROR, True),
        {
            "id": "1",
            "destination": {"type": "sip"},
            "message": None,
            "reason": "unknown-error",
            "back": True,
        },
    ),
    "spoken": ("Goodbye.", "Goodbye."),
    "spoken_language": ("de-DE", "de-DE"),
    "awaits": (("recording",), ["recording"]),
    "recordings": ({"mono": "1"}, {"mono": "1"}),
    "due_at": (AT, "2026-11-23T12:00:00+00:00"),
    "analysis_attempts": (2, {"attempts": 2}),
    "squad": ({"members": [{}]}, {"members": [{}]}),
    "active_id": ("1", "1"),
    "history": ({"kept": [], "since": 2}, {"kept": [], "since": 2}),
    "upstreams": (("a", "b"), ["a", "b"]),
    "sip_leg": (True, True),
    "taken_over": (True, True),
}
"""Field -> a value, and how the column has it."""
NAMES = {
    "phone_number": "phoneNumber",
    "account_ref": "accountRef",
    "key_id": "keyId",
    "leg_ref": "legRef",
    "media_leg_ref": "mediaLegRef",
    "api_url": "apiUrl",
    "asking_since": "asking",
    "heard_at": "heardAt",
    "due_at": "dueAt",
    "analysis_attempts": "analysis",
    "active_id": "activeId",
    "spoken_language": "spokenLanguage",
    "sip_leg": "sipLeg",
    "taken_over": "takenOver",
}


def _all_keys() -> list[str]:
    return [NAMES.get(name, name) for name in CHANGED]


def test_the_table_above_has_every_field() -> None:
    assert list(CHANGED) == list(CallFacts._fields)


@pytest.mark.parametrize("name", CHANGED)
def test_one_changed_fact_changes_one_key(name: str) -> None:
    given_value, stored = CHANGED[name]
    before = {**NEW, "another": {"kept": 1}}
    after = dump_facts(load_facts(before)._replace(**{name: given_value}), before)
    assert after == {**before, NAMES.get(name, name): stored}
    assert getattr(load_facts(after), name) == given_value


def test_what_is_over_is_taken_away_or_emptied() -> None:
    stored = {"asking": "2026-11-23T12:00:00+00:00", "awaits": ["x"], "recordings": {"mono": "1"}}
    facts = load_facts(stored)._replace(asking_since=None, awaits=(), recordings={})
    assert dump_facts(facts, stored) == {"awaits": [], "recordings": {}}


def test_a_new_call_says_what_it_does_not_have() -> None:
    assert dump_facts(CallFacts()) == NEW


def test_every_column_is_a_field() -> None:
    assert set(record.dump(record.load(row_of(ROWS[0])))) == set(row_of(ROWS[0])) - {"token_data"}
    assert Call.__slots__
