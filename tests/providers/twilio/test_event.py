"""When an event was, which one it is, and its facts in our words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from providers.base.webhook import HookKind
from providers.testing.contract import NOW
from providers.twilio import webhooks
from providers.twilio.payload import IDEMPOTENCY
from tests.providers.twilio.case import (
    CHILD_SID,
    RECORDED,
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
