"""When an event was, which one it is, and its facts in our words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.base.webhook import HookKind
from providers.testing.contract import NOW
from providers.twilio import webhooks
from providers.twilio.event import DATA, KEY_FIELDS, _rfc_2822
from providers.twilio.payload import IDEMPOTENCY
from tests.providers.twilio.case import (
    CHILD_SID,
    RECORDED,
    STREAM_SID,
    load,
    only,
    parsed,
    recorded,
    without_token,
)

# ------------------------------------------------------------------ times and numbers


@pytest.mark.parametrize(
    ("timestamp", "at"),
    [
        ("Wed, 04 Mar 2026 05:06:02 +0000", datetime(2026, 3, 4, 5, 6, 2, tzinfo=UTC)),  # calls
        ("Wed, 04 Mar 2026 07:06:02 +0200", datetime(2026, 3, 4, 5, 6, 2, tzinfo=UTC)),
        ("Wed, 04 Mar 2026 05:06:02 -0000", datetime(2026, 3, 4, 5, 6, 2, tzinfo=UTC)),  # naive
        ("2026-03-04T05:06:02.5Z", datetime(2026, 3, 4, 5, 6, 2, 500000, tzinfo=UTC)),  # streams
        ("2026-03-04T05:06:02", datetime(2026, 3, 4, 5, 6, 2, tzinfo=UTC)),
        ("", NOW),
        (None, NOW),
        ("yesterday", NOW),
        ("Wed, 99 Mar 2026 05:06:02 +0000", NOW),
        ("0001-01-01T00:00:00+23:00", NOW),  # before the first year
        ("Wed, 04 Mar 2026 05:06:02 +9999999999", NOW),
    ],
)
def test_the_time_is_twilios_where_it_tells_one(timestamp: str | None, at: datetime) -> None:
    event = only(parsed("status_ringing", {"Timestamp": timestamp}))
    assert event.at == at
    assert event.at.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("17", 17), ("", None), (None, None), ("-1", None), ("1e3", None), ("9" * 30, None)],
)
def test_the_sequence(text: str | None, number: int | None) -> None:
    assert only(parsed("status_ringing", {"SequenceNumber": text})).sequence == number


def test_facts_in_our_words() -> None:
    assert only(parsed("status_completed")).data == {
        "durationSeconds": 37,
        "billedMinutes": 1,  # Twilio's Duration is not the call's duration
        "sipCode": 200,
    }
    assert only(parsed("status_ringing")).data == {"stirStatus": "B"}
    assert only(parsed("inbound_fallback")).data["errorCode"] == "11200"


def test_a_number_that_is_none_is_left_to_raw() -> None:
    event = only(parsed("status_completed", {"SipResponseCode": "none"}))
    assert "sipCode" not in event.data
    assert event.raw["SipResponseCode"] == "none"


# ------------------------------------------------------------------ keys


def test_the_idempotency_token_is_the_key() -> None:
    token = recorded("after")["headers"][IDEMPOTENCY]
    assert only(parsed("after")).key == f"token:{token}:continue"


@pytest.mark.parametrize("token", ["", "a b", "\u00e9", "x" * 200], ids=ascii)
def test_a_token_of_another_shape_is_not_used(token: str) -> None:
    request = without_token(load("after"))
    request = replace(request, headers=[*request.headers, (IDEMPOTENCY, token)])
    assert not only(webhooks.parse(HookKind.CONTINUE, request)).key.startswith("token:")


def key_of(name: str, fields: Mapping[str, str | None] | None = None) -> str:
    hook = HookKind(recorded(name)["hook"])
    return only(webhooks.parse(hook, without_token(load(name, fields)))).key


def test_without_a_token_equal_requests_have_equal_keys() -> None:
    for name in RECORDED.values():
        assert key_of(name) == key_of(name)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("status_ringing", {"CallStatus": "initiated"}),
        ("status_ringing", {"SequenceNumber": "9"}),
        ("status_ringing", {"Timestamp": "Wed, 04 Mar 2026 05:06:59 +0000"}),
        ("status_ringing", {"CallSid": CHILD_SID}),
        ("stream_started", {"StreamSid": "MZ" + "00" * 16}),  # a second socket
        ("stream_started", {"StreamEvent": "stream-stopped"}),
        ("dial_busy", {"DialCallSid": "CA" + "00" * 16}),  # a second attempt
        ("recording", {"RecordingStatus": "in-progress"}),
        ("recording", {"RecordingSid": "RE" + "00" * 16}),
    ],
)
def test_without_a_token_other_requests_have_other_keys(
    name: str, fields: Mapping[str, str | None]
) -> None:
    assert key_of(name) != key_of(name, fields)


def test_the_url_tells_two_visits_to_the_verb_after_the_stream_apart() -> None:
    first = without_token(load("after"))
    second = replace(first, url=f"{first.url}?stream=2")
    keys = {only(webhooks.parse(HookKind.CONTINUE, each)).key for each in (first, second)}
    assert len(keys) == 2


# ------------------------------------------------------------------ every fact

FACTS: list[tuple[str, str, str, Any]] = [
    # Twilio's parameter, what it sends, our name, what we keep
    ("CallDuration", "37", "durationSeconds", 37),
    ("Duration", "1", "billedMinutes", 1),  # minutes, in spite of the name
    ("SipResponseCode", "487", "sipCode", 487),
    ("AnsweredBy", "human", "answeredBy", "human"),
    ("MachineDetectionDuration", "2310", "detectionMilliseconds", 2310),
    ("ForwardedFrom", "+12125550177", "forwardedFrom", "+12125550177"),  # carrier dependent
    ("CallerName", "ACME", "callerName", "ACME"),
    ("StirVerstat", "TN-Validation-Passed-A", "stirVerstat", "TN-Validation-Passed-A"),
    ("StirStatus", "B", "stirStatus", "B"),
    ("ErrorCode", "11200", "errorCode", "11200"),  # a name, not a number
    ("ErrorUrl", "https://x.example/", "errorUrl", "https://x.example/"),
    ("StreamSid", STREAM_SID, "streamRef", STREAM_SID),
    ("StreamEvent", "stream-error", "streamEvent", "stream-error"),
    ("StreamError", "Stream - Connection", "error", "Stream - Connection"),
    ("DialCallSid", CHILD_SID, "forwardLegRef", CHILD_SID),
    ("DialCallStatus", "busy", "outcome", "busy"),
    ("DialCallDuration", "61", "forwardSeconds", 61),
    ("DialSipResponseCode", "503", "forwardSipCode", 503),
    ("RecordingSid", "RE1", "recordingRef", "RE1"),
    ("RecordingUrl", "https://api.twilio.com/x", "recordingUrl", "https://api.twilio.com/x"),
    ("RecordingStatus", "completed", "recordingStatus", "completed"),
    ("RecordingDuration", "36", "recordingSeconds", 36),
    ("RecordingChannels", "2", "recordingChannels", 2),
    ("RecordingSource", "OutboundAPI", "recordingSource", "OutboundAPI"),
    ("RecordingTrack", "both", "recordingTrack", "both"),
    ("RecordingStartTime", "Wed, 04 Mar 2026", "recordingStartedAt", "Wed, 04 Mar 2026"),
]


def test_no_fact_is_left_out() -> None:
    assert [name for name, *_ in FACTS] == list(DATA)
    assert len({ours for _, _, ours, _ in FACTS}) == len(FACTS), "two facts of one name"


@pytest.mark.parametrize(("name", "text", "ours", "kept"), FACTS)
def test_a_fact(name: str, text: str, ours: str, kept: Any) -> None:
    event = parsed("status_ringing", {name: text}).events[0]
    assert event.data[ours] == kept
    assert event.raw[name] == text
    assert ours not in parsed("status_ringing", {name: ""}).events[0].data
    assert ours not in parsed("status_ringing", {name: None}).events[0].data


@pytest.mark.parametrize("name", [name for name, (_, kind) in DATA.items() if kind is int])
@pytest.mark.parametrize("text", ["many", "-1", "1.5", " 1", "1" * 10, "\u0661", "1e3"])
def test_a_fact_that_is_no_number_is_left_to_raw(name: str, text: str) -> None:
    event = only(parsed("status_ringing", {name: text}))
    assert DATA[name][0] not in event.data
    assert event.raw[name] == text


@pytest.mark.parametrize(
    ("text", "bridged"), [("true", True), ("false", False), ("True", False), ("", False)]
)
def test_whether_the_two_legs_were_joined(text: str, bridged: bool) -> None:
    assert only(parsed("dial_busy", {"DialBridged": text})).data["bridged"] is bridged
    assert "bridged" not in only(parsed("dial_busy", {"DialBridged": None})).data


@pytest.mark.parametrize("name", KEY_FIELDS)
def test_every_field_of_the_key_tells_requests_apart(name: str) -> None:
    """Where Twilio sends no token, and none of them is in the URL."""
    changes = {name: CHILD_SID if name == "CallSid" else "other"}
    assert key_of("status_ringing") != key_of("status_ringing", changes)


@pytest.mark.parametrize("name", ["Direction", "From", "CallDuration", "NewIn2031"])
def test_no_other_field_does(name: str) -> None:
    assert key_of("status_ringing") == key_of("status_ringing", {name: "other"})


def test_the_hook_tells_requests_apart_too() -> None:
    """The same token on two URLs is two requests; and so is the same form."""
    request = load("after")
    keys = {
        only(webhooks.parse(hook, request)).key for hook in (HookKind.CONTINUE, HookKind.STATUS)
    }
    assert len(keys) == 2
    bare = without_token(request)
    keys = {only(webhooks.parse(hook, bare)).key for hook in (HookKind.CONTINUE, HookKind.STATUS)}
    assert len(keys) == 2


@given(
    st.datetimes(datetime(1970, 1, 1), datetime(2199, 12, 31)),
    st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
def test_the_short_way_to_twilios_time_is_the_general_one(at: datetime, zone: timezone) -> None:
    text = format_datetime(at.replace(tzinfo=zone))
    assert _rfc_2822(text) == parsedate_to_datetime(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Mon, 4 Mar 2026 05:06:59 +0000",
        "Wed, 04 anM 2026 05:06:59 +0000",
        "Wed, 31 Feb 2026 05:06:59 +0000",
        "Wed, 04 Mar 2026 05:06:59 GMT",
    ],
)
def test_any_other_spelling_is_left_to_the_general_way(text: str) -> None:
    with pytest.raises(ValueError):
        _rfc_2822(text)
