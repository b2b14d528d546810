"""Twilio's words in ours, from recorded requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.base.webhook import HookKind, Leg, Report, WebhookRequest
from providers.errors import BadRequest
from providers.events import CallEvent, EndedReason, EventKind
from providers.testing.contract import NOW
from providers.twilio import statuses, webhooks
from providers.twilio.event import DATA, KEY_FIELDS
from tests.providers.twilio.case import (
    ACCOUNT_SID,
    CALL_SID,
    CHILD_SID,
    FLOW_SID,
    RECORDED,
    STREAM_SID,
    load,
    recorded,
)

CUSTOMER, CALLEE = "+14158675310", "+12125550100"
FLOW_URL = f"https://webhooks.twilio.com/v1/Accounts/{ACCOUNT_SID}/Flows/{FLOW_SID}"
NO_TOKEN = "i-twilio-idempotency-token"


def parse(name: str, fields: Mapping[str, str | None] | None = None, **more: Any) -> Report:
    return webhooks.parse(HookKind(recorded(name)["hook"]), load(name, fields, **more))


def only(report: Report) -> CallEvent:
    (event,) = report.events
    return event


def without_token(request: WebhookRequest) -> WebhookRequest:
    return replace(request, headers=[each for each in request.headers if each[0] != NO_TOKEN])


# ------------------------------------------------------------------ words


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("inbound", EventKind.LEG_FETCHED),
        ("inbound_studio", EventKind.LEG_FETCHED),
        ("inbound_fallback", EventKind.LEG_FETCHED),
        ("fetch", EventKind.LEG_FETCHED),
        ("fetch_outbound", EventKind.LEG_FETCHED),
        ("status_initiated", EventKind.LEG_QUEUED),
        ("status_ringing", EventKind.LEG_RINGING),
        ("status_answered", EventKind.LEG_ANSWERED),
        ("stream_started", EventKind.NOTE),  # the socket is the proof
        ("stream_stopped", EventKind.NOTE),
        ("stream_error", EventKind.MEDIA_FAILED),
        ("after", EventKind.LEG_CONTINUED),
        ("after_over", EventKind.LEG_ENDED),
        ("amd_human", EventKind.MACHINE_DETECTED),
        ("amd_machine", EventKind.MACHINE_DETECTED),
        ("dial_completed", EventKind.FORWARD_ENDED),
        ("dial_busy", EventKind.FORWARD_FAILED),
        ("dial_sip_failed", EventKind.FORWARD_FAILED),
        ("recording", EventKind.RECORDED),
    ],
)
def test_a_recorded_request_is_one_event(name: str, kind: EventKind) -> None:
    report = parse(name)
    event = only(report)
    assert event.kind is kind
    assert event.raw == recorded(name)["fields"]
    assert report.unknown == ()


@pytest.mark.parametrize(
    ("name", "reason", "generic"),
    [
        ("status_completed", EndedReason.CUSTOMER_ENDED_CALL, True),
        ("status_busy", EndedReason.CUSTOMER_BUSY, False),
        ("status_no_answer", EndedReason.CUSTOMER_DID_NOT_ANSWER, False),
        ("status_canceled", EndedReason.MANUALLY_CANCELED, False),
        ("status_failed", EndedReason.TWILIO_FAILED_TO_CONNECT_CALL, False),
        ("status_completed_inbound", EndedReason.CUSTOMER_ENDED_CALL, True),
        # Who called in gave up: nobody else can have.
        ("status_no_answer_inbound", EndedReason.CUSTOMER_ENDED_CALL, False),
        ("after_over", EndedReason.CUSTOMER_ENDED_CALL, True),
    ],
)
def test_an_end_has_a_reason(name: str, reason: EndedReason, generic: bool) -> None:
    event = only(parse(name))
    assert (event.kind, event.reason, event.generic) == (EventKind.LEG_ENDED, reason, generic)


@pytest.mark.parametrize(
    ("name", "word", "reason"),
    [
        ("status_completed_inbound", "busy", EndedReason.CUSTOMER_BUSY),
        ("status_completed_inbound", "canceled", EndedReason.CUSTOMER_ENDED_CALL),
        ("status_completed_inbound", "cancelled", EndedReason.CUSTOMER_ENDED_CALL),
        ("status_completed_inbound", "failed", EndedReason.TWILIO_FAILED_TO_CONNECT_CALL),
        ("status_completed", "cancelled", EndedReason.MANUALLY_CANCELED),
    ],
)
def test_an_end_by_direction(name: str, word: str, reason: EndedReason) -> None:
    assert only(parse(name, {"CallStatus": word})).reason is reason


@pytest.mark.parametrize(
    ("name", "unanswered"),
    [
        ("status_completed", EndedReason.UNKNOWN_ERROR),
        ("status_completed_inbound", EndedReason.CUSTOMER_ENDED_CALL),
        ("status_busy", None),  # says itself why
    ],
)
def test_a_completed_leg_nobody_talked_on(name: str, unanswered: EndedReason | None) -> None:
    assert only(parse(name)).unanswered_reason is unanswered


def test_queued_and_answered_are_words_too() -> None:
    assert only(parse("status_ringing", {"CallStatus": "queued"})).kind is EventKind.LEG_QUEUED
    assert only(parse("status_ringing", {"CallStatus": "answered"})).kind is EventKind.LEG_ANSWERED


@pytest.mark.parametrize(
    ("name", "field", "kind", "asks"),
    [
        ("status_ringing", "CallStatus", EventKind.NOTE, False),
        ("stream_started", "StreamEvent", EventKind.NOTE, False),
        ("dial_busy", "DialCallStatus", EventKind.NOTE, True),
        ("after", "CallStatus", EventKind.LEG_CONTINUED, True),  # it asks, so it lives
        ("amd_human", "AnsweredBy", EventKind.MACHINE_DETECTED, False),
    ],
)
def test_a_word_nobody_knows(name: str, field: str, kind: EventKind, asks: bool) -> None:
    report = parse(name, {field: "levitating"})
    assert only(report).kind is kind
    assert only(report).raw[field] == "levitating"
    assert report.unknown == ("levitating",)
    assert report.asks is asks


def test_an_unknown_verdict_is_no_machine() -> None:
    assert only(parse("amd_human", {"AnsweredBy": "parrot"})).data["machine"] is False


def test_a_child_leg_leads_to_its_parents_call() -> None:
    """By the parent it is found, by its own id it is told apart (the domain does both)."""
    report = parse("status_child")
    assert report.leg is not None
    assert (report.leg.call_ref, report.leg.leg_ref) == (CALL_SID, CHILD_SID)
    assert not report.asks


@pytest.mark.parametrize("word", sorted(statuses.MACHINE))
def test_a_verdict(word: str) -> None:
    event = only(parse("amd_human", {"AnsweredBy": word}))
    assert event.data["answeredBy"] == word
    assert event.data["machine"] is (word not in ("human", "unknown"))
    assert event.data["detectionMilliseconds"] == 2310


def test_a_verdict_that_comes_along_is_an_event_of_its_own() -> None:
    end, verdict = parse("status_amd").events
    assert (end.kind, verdict.kind) == (EventKind.LEG_ENDED, EventKind.MACHINE_DETECTED)
    assert verdict.data["machine"] is True
    assert end.key != verdict.key


def test_a_verdict_is_the_same_event_wherever_it_is_said() -> None:
    said = {"AnsweredBy": "machine_start"}
    reports = [parse(name, said) for name in ("amd_machine", "status_busy", "fetch", "after")]
    assert len({report.events[-1].key for report in reports}) == 1


def test_a_stream_error_is_a_failed_join() -> None:
    report = parse("stream_error")
    event = only(report)
    assert event.reason is EndedReason.ASSISTANT_JOIN_TIMED_OUT
    assert event.data["error"].startswith("Stream - Connection")
    assert event.data["streamRef"] == STREAM_SID
    assert event.stream == "9b1c0e6d3a7f2b84"
    assert not report.asks


def test_a_forward_that_was_talked_through() -> None:
    report = parse("dial_completed")
    event = only(report)
    assert event.reason is EndedReason.ASSISTANT_FORWARDED_CALL
    assert event.data == {
        "forwardLegRef": CHILD_SID,
        "outcome": "completed",
        "forwardSeconds": 61,
        "bridged": True,
    }
    assert report.asks


@pytest.mark.parametrize("word", ["busy", "no-answer", "failed", "canceled", "cancelled"])
def test_a_forward_that_was_not(word: str) -> None:
    event = only(parse("dial_busy", {"DialCallStatus": word}))
    assert (event.kind, event.data["outcome"]) == (EventKind.FORWARD_FAILED, word)


def test_a_conference_is_answered() -> None:
    assert only(parse("dial_busy", {"DialCallStatus": "answered"})).kind is EventKind.FORWARD_ENDED


def test_a_caller_who_left_during_the_forward_is_told_too() -> None:
    forward, leg = parse("dial_completed_over").events
    assert (forward.kind, leg.kind) == (EventKind.FORWARD_ENDED, EventKind.LEG_ENDED)
    assert leg.generic
    assert forward.key != leg.key


def test_a_recording() -> None:
    data = only(parse("recording")).data
    assert data["recordingRef"].startswith("RE")
    assert data["recordingUrl"].startswith("https://api.twilio.com/")
    assert (data["recordingSeconds"], data["recordingChannels"]) == (36, 2)


@pytest.mark.parametrize(
    ("word", "kind", "unknown"),
    [
        ("in-progress", EventKind.NOTE, ()),
        ("completed", EventKind.RECORDED, ()),
        ("absent", EventKind.RECORDING_FAILED, ()),  # nothing was said
        ("failed", EventKind.RECORDING_FAILED, ()),
        ("paused", EventKind.NOTE, ("paused",)),  # a word nobody here knows
    ],
)
def test_the_words_of_a_recording(word: str, kind: EventKind, unknown: tuple[str, ...]) -> None:
    report = parse("recording", {"RecordingStatus": word})
    assert (only(report).kind, report.unknown) == (kind, unknown)


# ------------------------------------------------------------------ legs and visits


@pytest.mark.parametrize(
    ("name", "leg"),
    [
        ("inbound", Leg(CALL_SID, CALL_SID, CUSTOMER, CALLEE, True)),
        ("fetch_outbound", Leg(CALL_SID, CALL_SID, CALLEE, CUSTOMER, False)),
        ("inbound_withheld", Leg(CALL_SID, CALL_SID, "anonymous", CALLEE, True)),
        (
            "inbound_sip",
            Leg(CALL_SID, CALL_SID, "sip:alice@pbx.example", "sip:desk@acme.sip.twilio.com", True),
        ),
        ("amd_human", Leg(CALL_SID, CALL_SID)),  # not the full set of parameters
        ("stream_started", Leg(CALL_SID, CALL_SID)),
    ],
)
def test_a_leg(name: str, leg: Leg) -> None:
    assert parse(name).leg == leg


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("name", ["inbound", "fetch"])
def test_a_visit(name: str, method: str) -> None:
    query = f"assistantId=a1&flow={FLOW_SID}&metadata.order=7&metadata.=x&other=y"
    report = parse(name, method=method, query=query)
    assert report.visit is not None
    assert report.visit.assistant_id == "a1"
    assert report.visit.return_url == f"{FLOW_URL}?FlowEvent=return"
    assert report.visit.metadata == {"order": "7"}
    assert report.visit.delivery == recorded(name)["headers"][NO_TOKEN]
    assert report.asks


def test_a_visit_that_asks_for_nothing() -> None:
    visit = webhooks.parse(HookKind.ARRIVE, without_token(load("inbound"))).visit
    assert visit is not None
    assert (visit.assistant_id, visit.return_url, visit.delivery) == (None, None, None)
    assert visit.metadata == {}


def test_a_return_url_is_passed_on_unvetted() -> None:
    visit = parse("inbound", query="returnUrl=https%3A%2F%2Fx.example%2Fa%3Fb%3Dc").visit
    assert visit is not None
    assert visit.return_url == "https://x.example/a?b=c"


def test_a_post_takes_twilios_words_from_the_body_only() -> None:
    report = parse("inbound", query=f"CallSid={CHILD_SID}&From=%2B1999&CallStatus=busy")
    assert report.leg == Leg(CALL_SID, CALL_SID, CUSTOMER, CALLEE, True)


@pytest.mark.parametrize(
    "query",
    [
        "flow=FW1",  # no flow's id
        f"flow={FLOW_SID}%0A",
        "flow=%7B%7Bflow.flow_sid%7D%7D",  # Liquid nobody filled in
        f"flow={FLOW_SID}&returnUrl=https%3A%2F%2Fx.example",  # which of the two?
        "assistantId=a&assistantId=b",  # which of the two?
        "assistantId=%ff",  # not UTF-8
    ],
)
def test_a_visit_nobody_can_follow(query: str) -> None:
    with pytest.raises(BadRequest):
        parse("inbound", query=query)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("status_ringing", {"CallSid": None}),
        ("status_ringing", {"CallSid": "CA1"}),
        ("status_ringing", {"AccountSid": None}),
        ("status_ringing", {"CallStatus": None}),
        ("status_ringing", {"CallStatus": ""}),
        ("stream_started", {"StreamEvent": None}),
        ("amd_human", {"AnsweredBy": None}),
        ("dial_busy", {"DialCallStatus": None}),
    ],
)
def test_what_twilio_cannot_have_sent(name: str, fields: Mapping[str, str | None]) -> None:
    with pytest.raises(BadRequest):
        parse(name, fields)


@pytest.mark.parametrize(
    "request_",
    [
        replace(load("after"), method="DELETE"),
        replace(load("after"), body=load("after").body + b"&CallSid=x"),  # repeated
        replace(load("after"), body=b"CallSid=%ff"),
        replace(load("after"), headers=[("content-type", "text/plain")]),
    ],
    ids=["method", "repeated", "not UTF-8", "content type"],
)
def test_a_request_that_cannot_be_read(request_: WebhookRequest) -> None:
    with pytest.raises(BadRequest):
        webhooks.parse(HookKind.CONTINUE, request_)


def test_twilio_has_no_fallback_hook() -> None:
    with pytest.raises(BadRequest, match="fallback"):
        webhooks.parse(HookKind.FALLBACK, load("inbound_fallback"))


def test_a_nul_is_not_stored() -> None:
    assert only(parse("inbound", {"CallerName": "a\0b"})).data["callerName"] == "a\ufffdb"


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
    event = only(parse("status_ringing", {"Timestamp": timestamp}))
    assert event.at == at
    assert event.at.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("17", 17), ("", None), (None, None), ("-1", None), ("1e3", None), ("9" * 30, None)],
)
def test_the_sequence(text: str | None, number: int | None) -> None:
    assert only(parse("status_ringing", {"SequenceNumber": text})).sequence == number


def test_facts_in_our_words() -> None:
    assert only(parse("status_completed")).data == {
        "durationSeconds": 37,
        "billedMinutes": 1,  # Twilio's Duration is not the call's duration
        "sipCode": 200,
    }
    assert only(parse("status_ringing")).data == {"stirStatus": "B"}
    assert only(parse("inbound_fallback")).data["errorCode"] == "11200"


def test_a_number_that_is_none_is_left_to_raw() -> None:
    event = only(parse("status_completed", {"SipResponseCode": "none"}))
    assert "sipCode" not in event.data
    assert event.raw["SipResponseCode"] == "none"


# ------------------------------------------------------------------ keys


def test_the_idempotency_token_is_the_key() -> None:
    token = recorded("after")["headers"][NO_TOKEN]
    assert only(parse("after")).key == f"token:{token}:continue"


@pytest.mark.parametrize("token", ["", "a b", "\u00e9", "x" * 200], ids=ascii)
def test_a_token_of_another_shape_is_not_used(token: str) -> None:
    request = without_token(load("after"))
    request = replace(request, headers=[*request.headers, (NO_TOKEN, token)])
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


# ------------------------------------------------------------------ anything


@given(
    hook=st.sampled_from(sorted(RECORDED)),
    fields=st.dictionaries(
        st.sampled_from(sorted({*DATA, *KEY_FIELDS, "Direction", "StreamName"})),
        st.text(st.characters(codec="utf-8"), max_size=30),
        max_size=8,
    ),
)
def test_any_values_are_read_or_a_bad_request(hook: HookKind, fields: dict[str, str]) -> None:
    try:
        report = webhooks.parse(hook, load(RECORDED[hook], fields))
    except BadRequest:
        return
    for event in report.events:
        assert event.at.utcoffset() == timedelta(0)
        assert 0 < len(event.key) < 200
