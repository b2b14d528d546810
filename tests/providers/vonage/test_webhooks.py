"""Recorded webhooks, in our words."""

from __future__ import annotations

import json
from datetime import UTC
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.base.instructions import stream_id
from providers.base.webhook import HookKind, WebhookRequest
from providers.errors import BadRequest
from providers.events import EndedReason, EventKind
from providers.vonage import statuses
from providers.vonage.event import FACTS, NUMBERS
from providers.vonage.payload import NESTED
from providers.vonage.webhooks import parse
from tests.providers.vonage.cases import (
    CONVERSATION,
    FORWARDED,
    INBOUND,
    MEDIA,
    MEDIA_URL,
    OUTBOUND,
    get,
    load,
    only,
    parsed,
    post,
)

STREAM = stream_id(MEDIA_URL)


# ------------------------------------------------------------------ a leg arrives


def test_an_answer_webhook() -> None:
    report = parsed("answer")
    leg = report.leg
    assert leg is not None
    assert (leg.call_ref, leg.leg_ref) == (CONVERSATION, INBOUND)
    assert (leg.from_, leg.to, leg.inbound) == ("+447700900123", "+14155550100", True)
    assert leg.api_url == "https://api-us-3.vonage.com"
    assert report.asks
    assert [event.kind for event in report.events] == [EventKind.LEG_FETCHED]
    assert report.visit is not None
    assert (report.visit.assistant_id, report.visit.return_url) == (None, None)
    assert report.unknown == ()


def test_the_second_attempt_of_an_answer_webhook_is_the_same_event() -> None:
    assert only("answer").key == only("answer", {"region_url": None}).key
    again = parsed("answer", {"region_url": None}).visit
    assert again == parsed("answer").visit


@pytest.mark.parametrize("field", ["uuid", "conversation_uuid"])
def test_a_leg_that_is_new_or_back_is_another_event(field: str) -> None:
    another = parsed("answer", {field: "another"})
    assert another.events[0].key != only("answer").key


def test_a_fallback_says_why() -> None:
    report = parsed("fallback")
    fetched, note = report.events
    assert report.asks
    assert report.visit is not None
    assert (fetched.kind, note.kind) == (EventKind.LEG_FETCHED, EventKind.NOTE)
    assert note.data == {"what": "fallback", "error": "Invalid NCCO"}
    assert len({fetched.key, note.key, only("answer").key}) == 3


# ------------------------------------------------------------------ the phone leg

R, K = EndedReason, EventKind
PHONE: list[tuple[str, EventKind, EndedReason | None]] = [
    ("inbound_started", K.LEG_RINGING, None),  # somebody rings us
    ("inbound_ringing", K.LEG_RINGING, None),
    ("inbound_answered", K.LEG_ANSWERED, None),
    ("inbound_cancelled", K.LEG_ENDED, R.CUSTOMER_ENDED_CALL),  # the caller gave up
    ("outbound_started", K.LEG_QUEUED, None),
    ("outbound_ringing", K.LEG_RINGING, None),
    ("outbound_answered", K.LEG_ANSWERED, None),
    ("outbound_busy", K.LEG_ENDED, R.CUSTOMER_BUSY),
    ("outbound_timeout", K.LEG_ENDED, R.CUSTOMER_DID_NOT_ANSWER),
    ("outbound_unanswered", K.LEG_ENDED, R.CUSTOMER_DID_NOT_ANSWER),
    ("outbound_cancelled", K.LEG_ENDED, R.MANUALLY_CANCELED),  # we did
    ("outbound_rejected", K.LEG_ENDED, R.VONAGE_REJECTED),
    ("outbound_failed", K.LEG_ENDED, R.VONAGE_FAILED_TO_CONNECT_CALL),
]


@pytest.mark.parametrize(("name", "kind", "reason"), PHONE)
def test_phone_leg(name: str, kind: EventKind, reason: EndedReason | None) -> None:
    report = parsed(name)
    event = only(name)
    assert (event.kind, event.reason, event.generic) == (kind, reason, False)
    assert (event.stream, event.source) == (None, "vonage")
    assert not report.asks
    assert not report.media_leg
    assert report.visit is None
    assert report.leg is not None
    assert report.leg.call_ref == CONVERSATION
    assert report.leg.leg_ref == (INBOUND if name.startswith("inbound") else OUTBOUND)
    assert report.leg.inbound is name.startswith("inbound")


def test_every_word_of_the_table_is_recorded() -> None:
    recorded_words = {load(name)["body"]["status"] for name, _, _ in PHONE}
    assert recorded_words == set(statuses.PHONE)


@pytest.mark.parametrize(
    ("name", "reason", "unanswered"),
    [
        ("inbound_completed_by_user", R.CUSTOMER_ENDED_CALL, None),
        ("inbound_completed_by_platform", R.VONAGE_DISCONNECTED, None),
        ("inbound_completed_before_2025", R.CUSTOMER_ENDED_CALL, None),  # it did not say by whom
        ("inbound_completed_gave_up", R.CUSTOMER_ENDED_CALL, R.CUSTOMER_ENDED_CALL),
        ("outbound_completed_unanswered", R.CUSTOMER_ENDED_CALL, R.CUSTOMER_DID_NOT_ANSWER),
    ],
)
def test_completed(name: str, reason: EndedReason, unanswered: EndedReason | None) -> None:
    event = only(name)
    assert (event.kind, event.generic) == (EventKind.LEG_ENDED, True)
    assert (event.reason, event.unanswered_reason) == (reason, unanswered)


@pytest.mark.parametrize(
    ("sip", "by", "unanswered"),
    [
        (486, "user", R.CUSTOMER_BUSY),
        (600, "platform", R.CUSTOMER_BUSY),
        (408, "platform", R.CUSTOMER_DID_NOT_ANSWER),
        (480, "platform", R.CUSTOMER_DID_NOT_ANSWER),
        (487, "platform", R.CUSTOMER_DID_NOT_ANSWER),
        (403, "platform", R.VONAGE_REJECTED),
        (603, "user", R.VONAGE_REJECTED),
        ("603", "user", R.VONAGE_REJECTED),  # a string, on GET
        (404, "platform", R.VONAGE_FAILED_TO_CONNECT_CALL),
        (404, "user", R.CUSTOMER_DID_NOT_ANSWER),  # no code we know: who ended it decides
        (None, "user", R.CUSTOMER_DID_NOT_ANSWER),
        (None, None, R.VONAGE_FAILED_TO_CONNECT_CALL),
        ("six", "platform", R.VONAGE_FAILED_TO_CONNECT_CALL),
    ],
)
def test_completed_without_an_answer(sip: Any, by: str | None, unanswered: EndedReason) -> None:
    changes = {"sip_code": sip, "disconnected_by": by}
    assert only("outbound_completed_unanswered", changes).unanswered_reason is unanswered


def test_a_new_word_for_who_ended_it() -> None:
    report = parsed("inbound_completed_by_user", {"disconnected_by": "network"})
    assert report.unknown == ("network",)
    assert report.events[0].reason is EndedReason.CUSTOMER_ENDED_CALL


@pytest.mark.parametrize(("name", "machine"), [("human", False), ("machine", True)])
def test_answering_machine_detection(name: str, machine: bool) -> None:
    report = parsed(name)
    (event,) = report.events
    assert event.kind is EventKind.MACHINE_DETECTED
    assert (event.data["answeredBy"], event.data["machine"]) == (name, machine)
    assert event.data.get("subState") == ("beep_start" if machine else None)
    assert report.leg is not None
    assert report.leg.leg_ref == OUTBOUND  # call_uuid, here alone


# ------------------------------------------------------------------ the media leg


@pytest.mark.parametrize(
    ("name", "kind", "reason", "asks"),
    [
        ("media_started", K.MEDIA_STARTING, None, False),
        ("media_ringing", K.MEDIA_STARTING, None, False),
        ("media_answered", K.MEDIA_CONNECTED, None, False),
        ("media_failed", K.MEDIA_FAILED, R.VONAGE_FAILED_TO_CONNECT_CALL, True),
        ("media_unanswered", K.MEDIA_FAILED, R.VONAGE_FAILED_TO_CONNECT_CALL, True),
        ("media_disconnected", K.LEG_CONTINUED, R.VONAGE_DISCONNECTED, True),
        ("media_completed", K.MEDIA_STOPPED, R.CUSTOMER_ENDED_CALL, False),
        ("media_completed_by_us", K.MEDIA_STOPPED, R.VONAGE_DISCONNECTED, False),  # not the caller
    ],
)
def test_media_leg(name: str, kind: EventKind, reason: EndedReason | None, asks: bool) -> None:
    report = parsed(name)
    event = only(name)
    assert (event.kind, event.reason, report.asks) == (kind, reason, asks)
    assert event.generic is (kind is EventKind.MEDIA_STOPPED)
    assert event.stream == STREAM
    assert event.data["mediaLegRef"] == MEDIA
    assert report.media_leg
    assert report.leg is not None
    assert (report.leg.call_ref, report.leg.leg_ref) == (CONVERSATION, MEDIA)


@pytest.mark.parametrize("word", ["rejected", "busy", "timeout", "cancelled"])
def test_no_end_of_a_media_leg_is_the_customers(word: str) -> None:
    report = parsed("media_failed", {"status": word, "sip_code": 486})
    assert report.events[0].reason is EndedReason.VONAGE_FAILED_TO_CONNECT_CALL
    assert report.asks


def test_the_media_token_is_stored_nowhere() -> None:
    report = parsed("media_answered")
    token = MEDIA_URL.rpartition("/")[2]
    assert token not in repr(report)
    assert report.events[0].raw["to"] == f"wss://patchbay.example/media/vonage/{STREAM}"


def test_a_development_socket_is_a_media_leg_too() -> None:
    assert parsed("media_answered", {"to": "ws://localhost:8000/media/vonage/t"}).media_leg


# ------------------------------------------------------------------ the leg of a forward


@pytest.mark.parametrize(
    ("name", "kind", "reason", "asks"),
    [
        ("forward_ringing", K.NOTE, None, False),
        ("forward_answered", K.NOTE, None, False),
        ("forward_busy", K.FORWARD_FAILED, None, True),
        ("forward_timeout", K.FORWARD_FAILED, None, True),
        ("forward_completed", K.FORWARD_ENDED, R.ASSISTANT_FORWARDED_CALL, False),
        ("forward_completed_unanswered", K.FORWARD_FAILED, None, False),
    ],
)
def test_forward(name: str, kind: EventKind, reason: EndedReason | None, asks: bool) -> None:
    report = parsed(name)
    event = only(name)
    assert (event.kind, event.reason, report.asks) == (kind, reason, asks)
    assert event.data["outcome"] == load(name)["body"]["status"]
    assert event.data["forwardLegRef"] == FORWARDED
    assert report.leg is None  # the call's own leg is another


@pytest.mark.parametrize("word", ["unanswered", "cancelled", "rejected", "failed"])
def test_other_failed_forwards(word: str) -> None:
    report = parsed("forward_busy", {"status": word})
    assert (report.events[0].kind, report.asks) == (EventKind.FORWARD_FAILED, True)


def test_a_forward_is_cancelled_by_a_caller_who_left() -> None:
    """In bypass mode the phone leg's own events go to the owner."""
    failed, left = parsed("forward_busy", {"status": "cancelled"}).events
    assert failed.key != left.key
    assert (left.kind, left.reason, left.generic) == (K.LEG_ENDED, R.CUSTOMER_ENDED_CALL, True)


def test_words_that_only_a_socket_has() -> None:
    for name in ("forward_busy", "inbound_answered"):
        report = parsed(name, {"status": "disconnected"})
        assert report.events[0].kind is EventKind.NOTE
        assert report.unknown == ()


# ------------------------------------------------------------------ notes


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("transfer", {"callRef": "CON-f1e2d3c4-0000-4b3e-9d6c-1f2e3d4c5b6a"}),
        ("transcribed", {"transcriptionUrl": "https://api-us.nexmo.com/v1/files/cccc"}),
        ("input", {}),
        ("notify", {}),
        ("error", {"error": "Syntax error in NCCO. Invalid value type or action."}),
        ("payment", {}),
    ],
)
def test_known_words_that_change_nothing(name: str, data: dict[str, str]) -> None:
    report = parsed(name)
    event = only(name)
    assert event.kind is EventKind.NOTE
    assert event.data["what"] == name
    assert data.items() <= event.data.items()
    assert report.unknown == ()
    assert not report.asks
    assert report.leg is not None
    assert report.leg.call_ref == CONVERSATION


def test_a_payload_that_names_only_the_conversation() -> None:
    leg = parsed("error").leg
    assert leg is not None
    assert (leg.call_ref, leg.leg_ref) == (CONVERSATION, CONVERSATION)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, "levitating"),
        ({"status": "Completed"}, "Completed"),  # words are case-sensitive
        ({"status": None, "type": "sip:hold"}, "sip:hold"),
        ({"status": None}, "without a status"),
        ({"status": 7}, "without a status"),
        ({"status": "x" * 1000}, "x" * 100),
    ],
)
def test_unknown_words_are_kept_and_told(changes: dict[str, Any], word: str) -> None:
    report = parsed("unknown_word", changes)
    (event,) = report.events
    assert event.kind is EventKind.NOTE
    assert report.unknown == (word,)
    assert event.raw["uuid"] == INBOUND


def test_the_raw_payload_is_kept() -> None:
    assert only("inbound_completed_by_user").raw == load("inbound_completed_by_user")["body"]


def test_nested_values_of_a_get() -> None:
    assert only("input_get").raw["dtmf"] == {"digits": "42", "timed_out": False}
    assert only("input_get").data["what"] == "input"


def test_a_payload_that_names_nothing() -> None:
    report = parse(HookKind.STATUS, post({"status": "ringing"}))
    assert report.leg is None


# ------------------------------------------------------------------ anything


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    sorted(
        set(FACTS)
        | set(NUMBERS)
        | NESTED
        | {"status", "type", "uuid", "call_uuid", "conversation_uuid", "conversation_uuid_from"}
        | {
            "from",
            "from_user",
            "to",
            "direction",
            "timestamp",
            "start_time",
            "end_time",
            "region_url",
        }
    )
)
WORDS = st.sampled_from(
    sorted(statuses.STATUSES | statuses.NOTES | {"inbound", "user", "platform", MEDIA_URL})
)
HOOKS = st.sampled_from(list(HookKind))


def tried(hook: HookKind, request: WebhookRequest) -> None:
    """Parsed, or refused as a bad request: nothing else may happen."""
    try:
        report = parse(hook, request)
    except BadRequest:
        return
    assert report.events or hook is HookKind.WAIT
    for event in report.events:
        assert event.at.tzinfo is UTC
        json.dumps([dict(event.data), dict(event.raw)], allow_nan=False).encode()


@given(HOOKS, st.binary(max_size=200))
def test_any_bytes(hook: HookKind, body: bytes) -> None:
    tried(hook, post(body))


@given(HOOKS, st.dictionaries(FIELDS | st.text(max_size=8), WORDS | JSON, max_size=12))
def test_any_fields(hook: HookKind, fields: dict[str, Any]) -> None:
    tried(hook, post(fields))


@given(HOOKS, st.dictionaries(FIELDS, WORDS | st.text(max_size=20), max_size=12))
def test_any_query(hook: HookKind, fields: dict[str, str]) -> None:
    tried(hook, get(urlencode(fields, errors="replace")))


@given(HOOKS, st.text(max_size=100))
def test_any_text_as_query(hook: HookKind, query: str) -> None:
    tried(hook, get(query))


def test_an_inbound_leg_that_was_never_answered_was_given_up_by_its_caller() -> None:
    """Vonage names nobody then, and sends null for what it does not know."""
    nulls = dict.fromkeys(("disconnected_by", "sip_code", "duration", "start_time", "rate"))
    event = only("inbound_completed_gave_up", nulls)
    assert event.unanswered_reason is R.CUSTOMER_ENDED_CALL
    by = {**nulls, "disconnected_by": "platform"}
    event = only("inbound_completed_gave_up", by)
    assert event.unanswered_reason is R.VONAGE_FAILED_TO_CONNECT_CALL


# ------------------------------------------------------------------ a leg that waits

TURNS = [
    ({"payload": {"waits": "yes"}, "conversation_uuid": CONVERSATION}, ""),  # a notify
    ({"dtmf": {"digits": "1", "timed_out": False}, "conversation_uuid": CONVERSATION}, "1"),
    ({"dtmf": {"digits": "", "timed_out": True}, "conversation_uuid": CONVERSATION}, ""),
    ({"dtmf": {"digits": 1}}, ""),  # not a text
    ({"dtmf": "1"}, ""),  # not an object
]


@pytest.mark.parametrize(("body", "pressed"), TURNS)
def test_a_turn_of_a_leg_that_waits(body: dict[str, Any], pressed: str) -> None:
    """It is no event: a leg may wait for many."""
    report = parse(HookKind.WAIT, post(body, "/vonage/wait/1"))
    assert (report.leg, report.events, report.asks, report.pressed) == (None, (), True, pressed)
