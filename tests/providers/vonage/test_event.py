"""When an event was, which one it is, and its facts in our words."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from providers.base.instructions import stream_id
from providers.base.webhook import HookKind
from providers.events import EndedReason, EventKind
from providers.vonage.event import FACTS, NUMBERS
from providers.vonage.webhooks import parse
from tests.providers.vonage.cases import (
    MEDIA_URL,
    NOW,
    REQUESTS,
    get,
    load,
    only,
    parsed,
    recorded,
)

R, K = EndedReason, EventKind


# ------------------------------------------------------------------ when, and which one


@pytest.mark.parametrize(
    ("name", "changes", "at"),
    [
        ("inbound_answered", {}, "2026-03-04T05:06:07.400000+00:00"),
        # The end itself, not the moment the summary was written.
        ("inbound_completed_by_user", {}, "2026-03-04T05:06:50+00:00"),
        ("inbound_completed_by_user", {"end_time": None}, "2026-03-04T05:06:50.400000+00:00"),
        ("record", {}, "2026-03-04T05:06:20.100000+00:00"),  # end_time is the recording's
        (
            "inbound_answered",
            {"timestamp": "2026-03-04T07:06:07+02:00"},
            "2026-03-04T05:06:07+00:00",
        ),
        ("inbound_answered", {"timestamp": "2026-03-04 05:06:08"}, "2026-03-04T05:06:08+00:00"),
        ("inbound_answered", {"timestamp": None}, NOW.isoformat()),
        ("inbound_answered", {"timestamp": "yesterday"}, NOW.isoformat()),
        ("inbound_answered", {"timestamp": 1772600767}, NOW.isoformat()),
        ("inbound_answered", {"timestamp": "0001-01-01T00:00:00+23:00"}, NOW.isoformat()),
        ("answer", {}, NOW.isoformat()),
    ],
)
def test_time(name: str, changes: dict[str, Any], at: str) -> None:
    event = only(name, changes)
    assert event.at == datetime.fromisoformat(at)
    assert event.at.tzinfo is UTC


NAMES = sorted(path.stem for path in REQUESTS.glob("*.json"))


def test_a_recording() -> None:
    event = only("record")
    assert event.kind is EventKind.RECORDED
    assert event.data["recordingRef"] == "aaaaaaaa-bbbb-cccc-dddd-0123456789ab"
    assert event.data["recordingUrl"].startswith("https://api.nexmo.com/v1/files/")


def test_no_two_recordings_are_the_same_event() -> None:
    same = {"input_get", "answer_get", "answer_app_user", "answer_sip", "fallback_get"}
    same |= {"answer_older", "answer_user_to_user", "answer_vbc"}  # others' twins
    twins = {
        "inbound_completed_by_platform",
        "inbound_completed_before_2025",
        "media_completed_by_us",
    }
    keys = [event.key for name in set(NAMES) - same - twins for event in parsed(name).events]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("name", NAMES)
def test_a_repeated_request_is_the_same_event(name: str) -> None:
    keys = [[event.key for event in parsed(name).events] for _ in range(2)]
    assert keys[0] == keys[1]
    assert all(len(key.removesuffix(":leg")) == 32 for key in keys[0])


@pytest.mark.parametrize("field", ["uuid", "status", "timestamp"])
def test_what_makes_an_event_another_one(field: str) -> None:
    assert only("inbound_ringing").key != only("inbound_ringing", {field: "answered"}).key


def test_without_a_time_the_body_makes_the_event() -> None:
    first, second = ({"timestamp": None, "detail": detail} for detail in ("a", "b"))
    assert only("outbound_failed", first).key != only("outbound_failed", second).key
    assert only("outbound_failed", first).key == only("outbound_failed", first).key


@pytest.mark.parametrize("name", NAMES)
def test_get_and_post_say_the_same(name: str) -> None:
    recording = load(name)
    if recording["method"] == "GET":
        return
    fields = {
        key: json.dumps(value) if isinstance(value, dict) else str(value)
        for key, value in recording["body"].items()
        if value is not None
    }
    hook = HookKind.FORWARD if name.startswith("forward") else HookKind.STATUS
    by_get = parse(hook, get(urlencode(fields), recording["path"]))
    by_post = parse(hook, recorded(name))
    assert by_get.leg == by_post.leg
    assert (by_get.asks, by_get.media_leg) == (by_post.asks, by_post.media_leg)
    for one, other in zip(by_get.events, by_post.events, strict=True):
        assert (one.kind, one.reason, one.at) == (other.kind, other.reason, other.at)
        assert (one.unanswered_reason, one.data) == (other.unanswered_reason, other.data)


# ------------------------------------------------------------------ facts


@pytest.mark.parametrize(
    ("price", "amount"),
    [
        ("0.00315000", "0.00315000"),
        (0.5, "0.5"),  # as a number
        ("0", "0"),
        (None, None),
        ("", None),
        ("NaN", None),
        ("1e5", None),  # no notation of Vonage's
        ({"eur": 1}, None),
    ],
)
def test_a_price_is_in_euros(price: Any, amount: str | None) -> None:
    event = only("inbound_completed_by_user", {"price": price})
    leg = event.raw["uuid"]
    wanted = {"amount": amount, "currency": "EUR", "leg": leg} if amount else None
    assert event.data.get("price") == wanted


def test_the_facts_of_a_completed_leg() -> None:
    assert only("inbound_completed_by_user").data == {
        "durationSeconds": 42,
        "price": {
            "amount": "0.00315000",
            "currency": "EUR",
            "leg": "688fd94bd0e1f59c36a4cbd36312fc28",
        },
        "rate": "0.00450000",
        "network": "GB-FIXED",
        "disconnectedBy": "user",
        "sipCode": 200,
    }
    assert only("outbound_unanswered").data == {"detail": "unavailable", "sipCode": 480}


# ------------------------------------------------------------------ every fact

TEXTS = [
    # Vonage's field, our name
    ("detail", "detail"),
    ("sub_state", "subState"),  # beep_start, beep_timeout
    ("disconnected_by", "disconnectedBy"),
    ("rate", "rate"),
    ("network", "network"),
    ("recording_url", "recordingUrl"),
    ("recording_uuid", "recordingRef"),
    ("transcription_url", "transcriptionUrl"),
    ("conversation_uuid_to", "callRef"),  # of a transfer
    ("reason", "error"),  # of an error, and of a fallback
]
WHOLE = [("duration", "durationSeconds"), ("sip_code", "sipCode")]


def test_no_fact_is_left_out() -> None:
    assert dict(TEXTS) == FACTS
    assert dict(WHOLE) == NUMBERS


@pytest.mark.parametrize(("theirs", "ours"), TEXTS)
def test_a_fact_that_is_text(theirs: str, ours: str) -> None:
    assert only("inbound_ringing", {theirs: "said"}).data[ours] == "said"
    for nothing in ("", None):
        assert ours not in only("inbound_ringing", {theirs: nothing}).data


@pytest.mark.parametrize(("theirs", "ours"), WHOLE)
@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("42", 42),  # text, as on a GET
        (42, 42),
        ("0", 0),
        (0, 0),
        ("042", 42),
        ("999999999", 999999999),
        ("1000000000", None),  # no length of a call
        ("-1", None),
        (-1, None),
        (4.2, None),
        (True, None),
        ("4 2", None),
        ("\u0664", None),
        ([42], None),
    ],
)
def test_a_fact_that_is_a_number(theirs: str, ours: str, value: Any, kept: int | None) -> None:
    event = only("inbound_ringing", {theirs: value})
    assert event.data.get(ours) == kept
    assert event.raw[theirs] == value


def test_the_price_of_a_leg_that_is_not_named_is_of_no_use() -> None:
    assert "price" not in only("error", {"price": "0.1"}).data


@pytest.mark.parametrize("name", ["outbound_answered", "media_answered", "forward_answered"])
def test_our_socket_is_shown_by_its_digest_wherever_it_stands(name: str) -> None:
    token = MEDIA_URL.rpartition("/")[2]
    event = only(name, {"to": MEDIA_URL})
    assert event.raw["to"] == f"wss://patchbay.example/media/vonage/{stream_id(MEDIA_URL)}"
    assert token not in repr(event)


@pytest.mark.parametrize(
    ("field", "value", "other"),
    [
        ("uuid", "another", True),
        ("status", "answered", True),
        ("timestamp", "2026-03-04T05:06:09.999Z", True),
        # What one request says of the same news in two ways:
        ("from", "14155550199", False),
        ("direction", "outbound", False),
        ("headers", {"a": "b"}, False),
        ("network", "GB-FIXED", False),
        ("conversation_uuid", "CON-another", False),  # a leg that was moved is still that leg
    ],
)
def test_what_makes_an_event_another_one_and_what_does_not(
    field: str, value: Any, other: bool
) -> None:
    same = only("inbound_ringing").key == only("inbound_ringing", {field: value}).key
    assert same is not other


@pytest.mark.parametrize("name", ["error", "record", "notify"])
def test_without_a_leg_the_conversation_makes_it(name: str) -> None:
    another = {"conversation_uuid": "CON-another"}
    assert only(name).key != only(name, another).key
