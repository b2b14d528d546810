"""When an event was, which one it is, and its facts in our words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.base.webhook import HookKind, WebhookRequest
from providers.testing.contract import NOW
from providers.twilio import signature, webhooks
from providers.twilio.event import DATA, _rfc_2822
from tests.providers.twilio.case import (
    CHILD_SID,
    RECORDED,
    STREAM_SID,
    TOKEN,
    holding,
    load,
    only,
    parsed,
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


def key_of(request: WebhookRequest) -> str:
    return only(webhooks.parse(HookKind.STATUS, request)).key


def test_equal_requests_have_equal_keys() -> None:
    for name in RECORDED.values():
        keys = [[event.key for event in parsed(name).events] for _ in range(2)]
        assert keys[0] == keys[1]


REPEATS = "i-twilio-idempotency-token"
UNSIGNED: list[Callable[[WebhookRequest], WebhookRequest]] = [
    lambda r: replace(r, headers=[h for h in r.headers if h[0] != REPEATS]),
    lambda r: replace(r, headers=[h if h[0] != REPEATS else (REPEATS, "2") for h in r.headers]),
    lambda r: replace(r, headers=[*r.headers, ("x-home-region", "us1")]),
    lambda r: replace(r, received_at=r.received_at + timedelta(days=1)),
    lambda r: replace(r, url=f"{r.url}#another"),
    lambda r: replace(r, body=b"&".join(reversed(r.body.split(b"&")))),
    lambda r: replace(r, body=r.body.replace(b"Direction", b"%44irection")),
    lambda r: replace(r, body=r.body.replace(b"CallerName=", b"CallerNam=e")),
]
"""What a sender can change of a captured request, and the signature still holds."""


@pytest.mark.parametrize("change", UNSIGNED)
def test_what_is_not_signed_makes_no_other_event(
    change: Callable[[WebhookRequest], WebhookRequest],
) -> None:
    request = load("status_ringing", {"CallerName": "Bob"})
    changed = change(request)
    signature.verify(changed, holding(TOKEN))
    assert changed != request
    assert key_of(changed) == key_of(request)


@given(st.sampled_from(["From", "Timestamp", "CallStatus", "NewIn2031"]), st.text(max_size=3))
def test_what_is_signed_does(name: str, more: str) -> None:
    first = load("status_ringing", {name: "x"})
    assert (key_of(load("status_ringing", {name: f"x{more}"})) == key_of(first)) == (not more)


def test_the_url_tells_two_visits_to_the_verb_after_the_stream_apart() -> None:
    first = load("after")
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
    ("ErrorMessage", "WebSocket ended", "errorMessage", "WebSocket ended"),
    ("SessionId", "VX1", "sessionRef", "VX1"),
    ("SessionStatus", "failed", "sessionStatus", "failed"),
    ("SessionDuration", "12", "sessionSeconds", 12),
    ("StreamSid", STREAM_SID, "streamRef", STREAM_SID),
    ("StreamEvent", "stream-error", "streamEvent", "stream-error"),
    ("StreamError", "Stream - Connection", "error", "Stream - Connection"),
    ("DialCallSid", CHILD_SID, "forwardLegRef", CHILD_SID),
    ("DialCallStatus", "busy", "outcome", "busy"),
    ("DialCallDuration", "61", "forwardSeconds", 61),
    ("DialSipResponseCode", "503", "forwardSipCode", 503),
    ("ReferCallStatus", "busy", "referOutcome", "busy"),
    ("ReferSipResponseCode", "202", "referSipCode", 202),
    ("NotifySipResponseCode", "486", "referredSipCode", 486),
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
