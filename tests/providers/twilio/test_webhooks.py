"""Twilio's words in ours, from recorded requests."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.base.webhook import HookKind
from providers.errors import BadRequest
from providers.events import EndedReason, EventKind
from providers.twilio import statuses, webhooks
from providers.twilio.event import DATA
from tests.providers.twilio.case import (
    CALL_SID,
    CHILD_SID,
    RECORDED,
    STREAM_SID,
    load,
    only,
    parsed,
    recorded,
)

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
    report = parsed(name)
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
    event = only(parsed(name))
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
    assert only(parsed(name, {"CallStatus": word})).reason is reason


@pytest.mark.parametrize(
    ("name", "seconds", "unanswered"),
    [
        ("status_completed", "0", EndedReason.UNKNOWN_ERROR),
        ("status_completed", None, EndedReason.UNKNOWN_ERROR),
        # Twilio's default is to send the end alone: its length proves an answer.
        ("status_completed", "37", None),
        ("status_completed_inbound", "0", EndedReason.CUSTOMER_ENDED_CALL),
        ("status_busy", "0", None),  # says itself why
    ],
)
def test_a_completed_leg_nobody_talked_on(
    name: str, seconds: str | None, unanswered: EndedReason | None
) -> None:
    assert only(parsed(name, {"CallDuration": seconds})).unanswered_reason is unanswered


def test_a_person_who_answered_was_on_the_line() -> None:
    fields = {"CallDuration": None, "AnsweredBy": "human"}
    ended, _ = parsed("status_completed", fields).events
    assert (ended.reason, ended.unanswered_reason) == (EndedReason.CUSTOMER_ENDED_CALL, None)


def test_queued_and_answered_are_words_too() -> None:
    assert only(parsed("status_ringing", {"CallStatus": "queued"})).kind is EventKind.LEG_QUEUED
    assert only(parsed("status_ringing", {"CallStatus": "answered"})).kind is EventKind.LEG_ANSWERED


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
    report = parsed(name, {field: "levitating"})
    assert only(report).kind is kind
    assert only(report).raw[field] == "levitating"
    assert report.unknown == ("levitating",)
    assert report.asks is asks


def test_an_unknown_verdict_is_no_machine() -> None:
    assert only(parsed("amd_human", {"AnsweredBy": "parrot"})).data["machine"] is False


def test_a_child_leg_leads_to_its_parents_call() -> None:
    """By the parent it is found, by its own id it is told apart (the domain does both)."""
    report = parsed("status_child")
    assert report.leg is not None
    assert (report.leg.call_ref, report.leg.leg_ref) == (CALL_SID, CHILD_SID)
    assert not report.asks


@pytest.mark.parametrize("word", sorted(statuses.MACHINE))
def test_a_verdict(word: str) -> None:
    event = only(parsed("amd_human", {"AnsweredBy": word}))
    assert event.data["answeredBy"] == word
    assert event.data["machine"] is (word not in ("human", "unknown"))
    assert event.data["detectionMilliseconds"] == 2310


def test_a_verdict_that_comes_along_is_an_event_of_its_own() -> None:
    end, verdict = parsed("status_amd").events
    assert (end.kind, verdict.kind) == (EventKind.LEG_ENDED, EventKind.MACHINE_DETECTED)
    assert verdict.data["machine"] is True
    assert end.key != verdict.key


def test_a_verdict_is_the_same_event_wherever_it_is_said() -> None:
    said = {"AnsweredBy": "machine_start"}
    reports = [parsed(name, said) for name in ("amd_machine", "status_busy", "fetch", "after")]
    assert len({report.events[-1].key for report in reports}) == 1


def test_a_stream_error_is_a_failed_join() -> None:
    report = parsed("stream_error")
    event = only(report)
    assert event.reason is EndedReason.ASSISTANT_JOIN_TIMED_OUT
    assert event.data["error"].startswith("Stream - Connection")
    assert event.data["streamRef"] == STREAM_SID
    assert event.stream == "9b1c0e6d3a7f2b84"
    assert not report.asks


def test_a_forward_that_was_talked_through() -> None:
    report = parsed("dial_completed")
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
    event = only(parsed("dial_busy", {"DialCallStatus": word}))
    assert (event.kind, event.data["outcome"]) == (EventKind.FORWARD_FAILED, word)


def test_a_conference_is_answered() -> None:
    assert only(parsed("dial_busy", {"DialCallStatus": "answered"})).kind is EventKind.FORWARD_ENDED


def test_a_caller_who_left_during_the_forward_is_told_too() -> None:
    forward, leg = parsed("dial_completed_over").events
    assert (forward.kind, leg.kind) == (EventKind.FORWARD_ENDED, EventKind.LEG_ENDED)
    assert leg.generic
    assert forward.key != leg.key


def test_a_recording() -> None:
    data = only(parsed("recording")).data
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
    report = parsed("recording", {"RecordingStatus": word})
    assert (only(report).kind, report.unknown) == (kind, unknown)


def test_twilio_has_no_fallback_hook() -> None:
    with pytest.raises(BadRequest, match="fallback"):
        webhooks.parse(HookKind.FALLBACK, load("inbound_fallback"))


# ------------------------------------------------------------------ anything


@given(
    hook=st.sampled_from(sorted(RECORDED)),
    fields=st.dictionaries(
        st.sampled_from(sorted({*DATA, "CallStatus", "Timestamp", "Direction", "StreamName"})),
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


# ------------------------------------------------------------------ a leg that waits


def test_a_turn_of_a_leg_that_waits() -> None:
    """It is no event: a leg may wait for many."""
    report = webhooks.parse(HookKind.WAIT, load("after", {"Digits": "1"}))
    assert (report.events, report.asks, report.pressed) == ((), True, "1")
    assert webhooks.parse(HookKind.WAIT, load("after")).pressed == ""


def test_a_leg_that_waited_and_is_over() -> None:
    event = only(webhooks.parse(HookKind.WAIT, load("after_over")))
    assert (event.kind, event.reason) == (EventKind.LEG_ENDED, EndedReason.CUSTOMER_ENDED_CALL)
