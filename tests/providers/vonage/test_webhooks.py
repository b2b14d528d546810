"""Recorded webhooks, in our words."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.base.instructions import stream_id
from providers.base.webhook import HookKind, WebhookRequest
from providers.errors import BadRequest
from providers.events import CallEvent, EndedReason, EventKind
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
    NOW,
    OUTBOUND,
    REQUESTS,
    get,
    load,
    parsed,
    post,
    recorded,
)

STREAM = stream_id(MEDIA_URL)


def only(name: str, changes: dict[str, Any] | None = None) -> CallEvent:
    (event,) = parsed(name, changes).events
    return event


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
    assert report.visit.delivery == f"{INBOUND} {CONVERSATION}"
    assert (report.visit.assistant_id, report.visit.return_url) == (None, None)
    assert report.unknown == ()


def test_what_our_url_asks_for() -> None:
    query = "assistantId=a1&returnUrl=https%3A%2F%2Fflow.example%2Fon%3Fx%3D1&metadata.ticket=T-12&metadata.=x"
    for name in ("answer", "fallback"):
        visit = parsed(name, query=query).visit
        assert visit is not None
        assert visit.assistant_id == "a1"
        assert visit.return_url == "https://flow.example/on?x=1"
        assert visit.metadata == {"ticket": "T-12"}


def test_an_answer_webhook_by_get() -> None:
    by_get, by_post = parsed("answer_get"), parsed("answer")
    assert by_get.leg == by_post.leg
    assert by_get.visit is not None
    assert by_get.visit.assistant_id == "asst_1"
    assert by_get.visit.metadata == {"ticket": "T-12"}
    raw = by_get.events[0].raw
    assert raw["custom_data"] == {"ticket": "T-12"}
    assert not {"assistantId", "metadata.ticket"} & set(raw)


def test_our_parameters_count_only_in_the_url() -> None:
    visit = parsed("answer", {"assistantId": "forged", "metadata.a": "b"}).visit
    assert visit is not None
    assert (visit.assistant_id, visit.metadata) == (None, {})


def test_a_caller_without_a_number() -> None:
    assert [getattr(parsed("answer_app_user").leg, "from_", "")] == ["alice"]
    assert [getattr(parsed("answer_sip").leg, "from_", "")] == ["sip:alice@pbx.example.com"]


def test_sip_headers_are_kept() -> None:
    assert only("answer_sip").raw["SipHeader_X-Tenant"] == "blue"


def test_the_second_attempt_of_an_answer_webhook_is_the_same_event() -> None:
    assert only("answer").key == only("answer", {"region_url": None}).key
    again = parsed("answer", {"region_url": None}).visit
    assert again == parsed("answer").visit


@pytest.mark.parametrize("field", ["uuid", "conversation_uuid"])
def test_a_leg_that_is_new_or_back_is_another_event(field: str) -> None:
    another = parsed("answer", {field: "another"})
    assert another.events[0].key != only("answer").key
    assert another.visit != parsed("answer").visit


def test_a_fallback_says_why() -> None:
    report = parsed("fallback")
    fetched, note = report.events
    assert report.asks
    assert report.visit is not None
    assert (fetched.kind, note.kind) == (EventKind.LEG_FETCHED, EventKind.NOTE)
    assert note.data == {"what": "fallback", "error": "Invalid NCCO"}
    assert len({fetched.key, note.key, only("answer").key}) == 3


@pytest.mark.parametrize(
    ("region", "kept"),
    [
        ("https://api-us-3.vonage.com", "https://api-us-3.vonage.com"),
        ("https://api-ap-4.vonage.com/", "https://api-ap-4.vonage.com"),
        ("https://api.nexmo.com", "https://api.nexmo.com"),
        ("http://api-us-3.vonage.com", None),  # our token in clear
        ("https://evil.example", None),
        ("https://api-us-3.vonage.com.evil.example", None),
        ("https://evilapi-us-3.vonage.com", None),
        ("https://api-us-3.vonage.com@evil.example", None),
        ("https://evil.example/api.vonage.com", None),
        ("https://evil.example#api.vonage.com", None),
        ("https://api.vonage.com:8443", None),
        ("https://API.vonage.com", None),  # never seen so
        ("https://api.vonage.com\n", None),
        ("https://[", None),
        ("", None),
        (7, None),
    ],
)
def test_only_vonages_hosts_are_kept(region: Any, kept: str | None) -> None:
    leg = parsed("answer", {"region_url": region}).leg
    assert leg is not None
    assert leg.api_url == kept


@pytest.mark.parametrize(
    ("number", "kept"),
    [
        ("447700900123", "+447700900123"),
        ("+447700900123", "+447700900123"),
        ("12345", "12345"),  # a short code has no country
        ("anonymous", "anonymous"),
        ("٤٤٧٧٠٠٩٠٠١٢٣", "٤٤٧٧٠٠٩٠٠١٢٣"),  # digits, but not those of a phone
        ("", None),
        ({"number": "1"}, None),
    ],
)
def test_numbers(number: Any, kept: str | None) -> None:
    leg = parsed("answer", {"from": number}).leg
    assert leg is not None
    assert leg.from_ == kept


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


# ------------------------------------------------------------------ what Vonage cannot have sent


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"completed"',
        b"{",
        b'{"a":1} {"a":2}',
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b'{"a": "\xff"}',
        b"[" * 60_000,
        b'{"a":' * 40 + b"1" + b"}" * 40,  # deeper than any payload of Vonage's
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"status":"ringing","uuid":{"a":1}}',
        b'{"status":"ringing","uuid":"a b"}',
        b'{"status":"ringing","uuid":"a\\r\\nX-Evil: 1"}',
        b'{"status":"ringing","conversation_uuid":"\\u0000"}',
        b'{"status":"ringing","conversation_uuid":"' + b"x" * 129 + b'"}',
    ],
)
@pytest.mark.parametrize("hook", [HookKind.ARRIVE, HookKind.STATUS])
def test_bad_bodies(hook: HookKind, body: bytes) -> None:
    with pytest.raises(BadRequest):
        parse(hook, post(body))


@pytest.mark.parametrize("missing", ["uuid", "conversation_uuid"])
def test_an_answer_webhook_without_its_leg(missing: str) -> None:
    with pytest.raises(BadRequest):
        parse(HookKind.ARRIVE, recorded("answer", {missing: None}))


@pytest.mark.parametrize(
    "query",
    ["assistantId=a&assistantId=b", "&".join(f"metadata.{number}=x" for number in range(300))],
)
def test_bad_queries(query: str) -> None:
    with pytest.raises(BadRequest):
        parsed("answer", query=query)
    with pytest.raises(BadRequest):
        parse(HookKind.STATUS, get(query))


def test_a_bad_nested_value_of_a_get() -> None:
    with pytest.raises(BadRequest):
        parse(HookKind.STATUS, get("uuid=a&dtmf=%7Bnope"))


def test_text_no_store_takes_is_replaced() -> None:
    raw = only("unknown_word", {"note": "a\x00b\ud800c", "k\x00": "v"}).raw
    assert (raw["note"], raw["k\ufffd"]) == ("a\ufffdb\ufffdc", "v")


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
    assert report.events
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
