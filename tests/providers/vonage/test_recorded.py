"""Every recorded request of Vonage's, and all that is read of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from providers.base.instructions import stream_id
from providers.base.webhook import HookKind
from providers.errors import InvalidSignature
from providers.events import EndedReason, EventKind
from providers.vonage import VONAGE, statuses
from tests.providers.vonage.cases import (
    ACCOUNT,
    API_KEY,
    CONVERSATION,
    FORWARDED,
    HOOKS,
    INBOUND,
    MEDIA,
    MEDIA_URL,
    OF_ROOMS,
    OLD_SECRET,
    OUTBOUND,
    REQUESTS,
    load,
    parsed,
    recorded,
    signed,
)

K, R = EventKind, EndedReason


@dataclass(frozen=True)
class Said:
    """What one request says: its events (kind, reason), their facts together, its leg, what is wanted."""

    events: list[tuple[EventKind, EndedReason | None]]
    data: Mapping[str, Any]
    leg: str | None
    asks: bool = False
    generic: bool = False
    unanswered: EndedReason | None = None
    unknown: tuple[str, ...] = ()


REQUESTS_SAY: Mapping[str, Said] = {
    # ------------------ a leg asks for its first NCCO
    # the application's answer URL, by POST
    "answer": Said([(K.LEG_FETCHED, None)], {}, INBOUND, asks=True),
    # a user of the Client SDK: from_user instead of from
    "answer_app_user": Said([(K.LEG_FETCHED, None)], {}, INBOUND, asks=True),
    # by GET, Vonage's default: custom_data is JSON text in the query
    "answer_get": Said([(K.LEG_FETCHED, None)], {}, INBOUND, asks=True),
    # before endpoint_type and region_url
    "answer_older": Said([(K.LEG_FETCHED, None)], {}, INBOUND, asks=True),
    # a SIP caller, with a header of its own
    "answer_sip": Said([(K.LEG_FETCHED, None)], {}, INBOUND, asks=True),
    # the one SIP header that needs no X-
    "answer_user_to_user": Said([(K.LEG_FETCHED, None)], {}, INBOUND, asks=True),
    # an extension of Vonage Business: no number of any country
    "answer_vbc": Said([(K.LEG_FETCHED, None)], {}, INBOUND, asks=True),
    # our answer could not be used: Vonage says why
    "fallback": Said(
        [(K.LEG_FETCHED, None), (K.NOTE, None)],
        {"error": "Invalid NCCO", "what": "fallback"},
        INBOUND,
        asks=True,
    ),
    # original_request is JSON text in the query
    "fallback_get": Said(
        [(K.LEG_FETCHED, None), (K.NOTE, None)],
        {"error": "Invalid NCCO", "what": "fallback"},
        INBOUND,
        asks=True,
    ),
    # ------------------ the phone's leg, inbound
    # a word of tomorrow's for who ended it
    "completed_by_new_word": Said(
        [(K.LEG_ENDED, R.CUSTOMER_ENDED_CALL)],
        {
            "disconnectedBy": "network",
            "rate": "0.00450000",
            "network": "GB-FIXED",
            "durationSeconds": 42,
            "sipCode": 200,
            "price": {"amount": "0.00315000", "currency": "EUR", "leg": INBOUND},
        },
        INBOUND,
        generic=True,
        unknown=("network",),
    ),
    "inbound_answered": Said([(K.LEG_ANSWERED, None)], {}, INBOUND),
    # the caller gave up
    "inbound_cancelled": Said([(K.LEG_ENDED, R.CUSTOMER_ENDED_CALL)], {}, INBOUND),
    # it did not say by whom
    "inbound_completed_before_2025": Said(
        [(K.LEG_ENDED, R.CUSTOMER_ENDED_CALL)],
        {
            "rate": "0.00450000",
            "network": "GB-FIXED",
            "durationSeconds": 42,
            "price": {"amount": "0.00315000", "currency": "EUR", "leg": INBOUND},
        },
        INBOUND,
        generic=True,
    ),
    # the NCCO ran out, or we hung up
    "inbound_completed_by_platform": Said(
        [(K.LEG_ENDED, R.VONAGE_DISCONNECTED)],
        {
            "disconnectedBy": "platform",
            "rate": "0.00450000",
            "network": "GB-FIXED",
            "durationSeconds": 42,
            "price": {"amount": "0.00315000", "currency": "EUR", "leg": INBOUND},
        },
        INBOUND,
        generic=True,
    ),
    # the caller hung up
    "inbound_completed_by_user": Said(
        [(K.LEG_ENDED, R.CUSTOMER_ENDED_CALL)],
        {
            "disconnectedBy": "user",
            "rate": "0.00450000",
            "network": "GB-FIXED",
            "durationSeconds": 42,
            "sipCode": 200,
            "price": {"amount": "0.00315000", "currency": "EUR", "leg": INBOUND},
        },
        INBOUND,
        generic=True,
    ),
    # 487, never answered
    "inbound_completed_gave_up": Said(
        [(K.LEG_ENDED, R.CUSTOMER_ENDED_CALL)],
        {
            "disconnectedBy": "user",
            "rate": "0.00000000",
            "durationSeconds": 0,
            "sipCode": 487,
            "price": {"amount": "0.00000000", "currency": "EUR", "leg": INBOUND},
        },
        INBOUND,
        generic=True,
        unanswered=R.CUSTOMER_ENDED_CALL,
    ),
    "inbound_ringing": Said([(K.LEG_RINGING, None)], {}, INBOUND),
    # inbound, the phone rings us
    "inbound_started": Said([(K.LEG_RINGING, None)], {}, INBOUND),
    # ------------------ the phone's leg, outbound
    "outbound_answered": Said([(K.LEG_ANSWERED, None)], {}, OUTBOUND),
    "outbound_busy": Said([(K.LEG_ENDED, R.CUSTOMER_BUSY)], {"sipCode": 486}, OUTBOUND),
    # we did
    "outbound_cancelled": Said([(K.LEG_ENDED, R.MANUALLY_CANCELED)], {}, OUTBOUND),
    # the same by GET: every value is text
    "outbound_completed_get": Said(
        [(K.LEG_ENDED, R.CUSTOMER_ENDED_CALL)],
        {
            "disconnectedBy": "user",
            "rate": "0.00450000",
            "network": "GB-FIXED",
            "durationSeconds": 42,
            "sipCode": 200,
            "price": {"amount": "0.00315000", "currency": "EUR", "leg": INBOUND},
        },
        INBOUND,
        generic=True,
    ),
    # the specific word came before it, or got lost
    "outbound_completed_unanswered": Said(
        [(K.LEG_ENDED, R.CUSTOMER_ENDED_CALL)],
        {
            "disconnectedBy": "user",
            "rate": "0.00000000",
            "durationSeconds": 0,
            "price": {"amount": "0.00000000", "currency": "EUR", "leg": OUTBOUND},
        },
        OUTBOUND,
        generic=True,
        unanswered=R.CUSTOMER_DID_NOT_ANSWER,
    ),
    # 603: the callee declined
    "outbound_declined": Said(
        [(K.LEG_ENDED, R.VONAGE_REJECTED)], {"detail": "declined", "sipCode": 603}, OUTBOUND
    ),
    # 404: no route
    "outbound_failed": Said(
        [(K.LEG_ENDED, R.VONAGE_FAILED_TO_CONNECT_CALL)],
        {"detail": "cannot_route", "sipCode": 404},
        OUTBOUND,
    ),
    # 500: Vonage's own fault
    "outbound_internal_error": Said(
        [(K.LEG_ENDED, R.VONAGE_FAILED_TO_CONNECT_CALL)],
        {"detail": "internal_error", "sipCode": 500},
        OUTBOUND,
    ),
    # 404: the number does not exist
    "outbound_out_of_service": Said(
        [(K.LEG_ENDED, R.VONAGE_FAILED_TO_CONNECT_CALL)],
        {"detail": "number_out_of_service", "sipCode": 404},
        OUTBOUND,
    ),
    # no completed follows
    "outbound_rejected": Said(
        [(K.LEG_ENDED, R.VONAGE_REJECTED)], {"detail": "restricted", "sipCode": 603}, OUTBOUND
    ),
    # 403: the carrier does not allow the caller id
    "outbound_restricted": Said(
        [(K.LEG_ENDED, R.VONAGE_REJECTED)], {"detail": "restricted", "sipCode": 403}, OUTBOUND
    ),
    "outbound_ringing": Said([(K.LEG_RINGING, None)], {}, OUTBOUND),
    "outbound_started": Said([(K.LEG_QUEUED, None)], {}, OUTBOUND),
    # ringing_timer is over
    "outbound_timeout": Said([(K.LEG_ENDED, R.CUSTOMER_DID_NOT_ANSWER)], {}, OUTBOUND),
    # 480: switched off, or no network
    "outbound_unanswered": Said(
        [(K.LEG_ENDED, R.CUSTOMER_DID_NOT_ANSWER)],
        {"detail": "unavailable", "sipCode": 480},
        OUTBOUND,
    ),
    # 408: the network gave up
    "outbound_unanswered_carrier": Said(
        [(K.LEG_ENDED, R.CUSTOMER_DID_NOT_ANSWER)],
        {"detail": "carrier_timeout", "sipCode": 408},
        OUTBOUND,
    ),
    # ------------------ answering machine detection
    # the leg is named call_uuid, here alone
    "human": Said(
        [(K.MACHINE_DETECTED, None)], {"answeredBy": "human", "machine": False}, OUTBOUND
    ),
    # advanced AMD, when the beep begins
    "machine": Said(
        [(K.MACHINE_DETECTED, None)],
        {"subState": "beep_start", "answeredBy": "machine", "machine": True},
        OUTBOUND,
    ),
    # advanced AMD, no beep came
    "machine_beep_timeout": Said(
        [(K.MACHINE_DETECTED, None)],
        {"subState": "beep_timeout", "answeredBy": "machine", "machine": True},
        OUTBOUND,
    ),
    # ------------------ our media socket's leg
    # the handshake is done
    "media_answered": Said([(K.MEDIA_CONNECTED, None)], {"mediaLegRef": MEDIA}, MEDIA),
    # headers are JSON text in the query
    "media_answered_get": Said([(K.MEDIA_CONNECTED, None)], {"mediaLegRef": MEDIA}, MEDIA),
    "media_busy": Said(
        [(K.MEDIA_FAILED, R.VONAGE_FAILED_TO_CONNECT_CALL)],
        {"mediaLegRef": MEDIA},
        MEDIA,
        asks=True,
    ),
    "media_cancelled": Said(
        [(K.MEDIA_FAILED, R.VONAGE_FAILED_TO_CONNECT_CALL)],
        {"mediaLegRef": MEDIA},
        MEDIA,
        asks=True,
    ),
    # torn down with the conversation: the phone's side did that
    "media_completed": Said(
        [(K.MEDIA_STOPPED, R.CUSTOMER_ENDED_CALL)],
        {
            "disconnectedBy": "platform",
            "rate": "0.00450000",
            "network": "websocket",
            "durationSeconds": 42,
            "price": {"amount": "0.00315000", "currency": "EUR", "leg": MEDIA},
            "mediaLegRef": MEDIA,
        },
        MEDIA,
        generic=True,
    ),
    # the user of this leg is our server
    "media_completed_by_us": Said(
        [(K.MEDIA_STOPPED, R.VONAGE_DISCONNECTED)],
        {
            "disconnectedBy": "user",
            "rate": "0.00450000",
            "network": "websocket",
            "durationSeconds": 42,
            "price": {"amount": "0.00315000", "currency": "EUR", "leg": MEDIA},
            "mediaLegRef": MEDIA,
        },
        MEDIA,
        generic=True,
    ),
    # we closed the socket: Vonage asks what now
    "media_disconnected": Said(
        [(K.LEG_CONTINUED, R.VONAGE_DISCONNECTED)], {"mediaLegRef": MEDIA}, MEDIA, asks=True
    ),
    # the handshake was refused
    "media_failed": Said(
        [(K.MEDIA_FAILED, R.VONAGE_FAILED_TO_CONNECT_CALL)],
        {"mediaLegRef": MEDIA},
        MEDIA,
        asks=True,
    ),
    "media_rejected": Said(
        [(K.MEDIA_FAILED, R.VONAGE_FAILED_TO_CONNECT_CALL)],
        {"mediaLegRef": MEDIA},
        MEDIA,
        asks=True,
    ),
    "media_ringing": Said([(K.MEDIA_STARTING, None)], {"mediaLegRef": MEDIA}, MEDIA),
    "media_started": Said([(K.MEDIA_STARTING, None)], {"mediaLegRef": MEDIA}, MEDIA),
    "media_timeout": Said(
        [(K.MEDIA_FAILED, R.VONAGE_FAILED_TO_CONNECT_CALL)],
        {"mediaLegRef": MEDIA},
        MEDIA,
        asks=True,
    ),
    # the handshake timed out
    "media_unanswered": Said(
        [(K.MEDIA_FAILED, R.VONAGE_FAILED_TO_CONNECT_CALL)],
        {"detail": "timeout", "mediaLegRef": MEDIA},
        MEDIA,
        asks=True,
    ),
    # ------------------ the leg of a forward
    "forward_answered": Said(
        [(K.NOTE, None)],
        {"what": "forward", "outcome": "answered", "forwardLegRef": FORWARDED},
        None,
    ),
    "forward_busy": Said(
        [(K.FORWARD_FAILED, None)],
        {"sipCode": 486, "what": "forward", "outcome": "busy", "forwardLegRef": FORWARDED},
        None,
        asks=True,
    ),
    # only who placed the leg cancels it: the caller left
    "forward_cancelled": Said(
        [(K.FORWARD_FAILED, None), (K.LEG_ENDED, R.CUSTOMER_ENDED_CALL)],
        {"what": "forward", "outcome": "cancelled", "forwardLegRef": FORWARDED},
        None,
        asks=True,
        generic=True,
    ),
    # talked through
    "forward_completed": Said(
        [(K.FORWARD_ENDED, R.ASSISTANT_FORWARDED_CALL)],
        {
            "disconnectedBy": "user",
            "rate": "0.01",
            "network": "23410",
            "durationSeconds": 14,
            "price": {"amount": "0.0023", "currency": "EUR", "leg": FORWARDED},
            "what": "forward",
            "outcome": "completed",
            "forwardLegRef": FORWARDED,
        },
        None,
    ),
    # the word that says why asked already
    "forward_completed_unanswered": Said(
        [(K.FORWARD_FAILED, None)],
        {
            "disconnectedBy": "user",
            "rate": "0.00000000",
            "durationSeconds": 0,
            "sipCode": 486,
            "price": {"amount": "0.00000000", "currency": "EUR", "leg": FORWARDED},
            "what": "forward",
            "outcome": "completed",
            "forwardLegRef": FORWARDED,
        },
        None,
    ),
    "forward_failed": Said(
        [(K.FORWARD_FAILED, None)],
        {
            "detail": "cannot_route",
            "sipCode": 404,
            "what": "forward",
            "outcome": "failed",
            "forwardLegRef": FORWARDED,
        },
        None,
        asks=True,
    ),
    "forward_rejected": Said(
        [(K.FORWARD_FAILED, None)],
        {
            "detail": "declined",
            "sipCode": 603,
            "what": "forward",
            "outcome": "rejected",
            "forwardLegRef": FORWARDED,
        },
        None,
        asks=True,
    ),
    "forward_ringing": Said(
        [(K.NOTE, None)],
        {"what": "forward", "outcome": "ringing", "forwardLegRef": FORWARDED},
        None,
    ),
    "forward_started": Said(
        [(K.NOTE, None)],
        {"what": "forward", "outcome": "started", "forwardLegRef": FORWARDED},
        None,
    ),
    "forward_timeout": Said(
        [(K.FORWARD_FAILED, None)],
        {"what": "forward", "outcome": "timeout", "forwardLegRef": FORWARDED},
        None,
        asks=True,
    ),
    "forward_unanswered": Said(
        [(K.FORWARD_FAILED, None)],
        {
            "detail": "unavailable",
            "sipCode": 480,
            "what": "forward",
            "outcome": "unanswered",
            "forwardLegRef": FORWARDED,
        },
        None,
        asks=True,
    ),
    # ------------------ what changes nothing
    # a word that only a socket has
    "disconnected_phone": Said([(K.NOTE, None)], {"what": "disconnected"}, INBOUND),
    # a wrong NCCO: no leg is named
    "error": Said(
        [(K.NOTE, None)],
        {"error": "Syntax error in NCCO. Invalid value type or action.", "what": "error"},
        CONVERSATION,
    ),
    # over three connects a second
    "error_capacity": Said(
        [(K.NOTE, None)],
        {"error": "Too many calls per second: capacity exceeded", "what": "error"},
        CONVERSATION,
    ),
    # a type of tomorrow's, without a status
    "hold": Said([(K.NOTE, None)], {"what": "sip:hold"}, INBOUND, unknown=("sip:hold",)),
    # keys, and nothing said
    "input": Said([(K.NOTE, None)], {"what": "input"}, INBOUND),
    # dtmf is JSON text in the query
    "input_get": Said([(K.NOTE, None)], {"what": "input"}, INBOUND),
    # said, not pressed
    "input_speech": Said([(K.NOTE, None)], {"what": "input"}, INBOUND),
    # not understood
    "input_speech_error": Said([(K.NOTE, None)], {"what": "input"}, INBOUND),
    # neither
    "input_timed_out": Said([(K.NOTE, None)], {"what": "input"}, INBOUND),
    # our own payload comes back
    "notify": Said([(K.NOTE, None)], {"what": "notify"}, CONVERSATION),
    # dropped from today's NCCO
    "payment": Said([(K.NOTE, None)], {"what": "payment"}, INBOUND),
    # no leg is named: the conversation is
    "record": Said(
        [(K.RECORDED, None)],
        {
            "recordingUrl": "https://api.nexmo.com/v1/files/bbbbbbbb-aaaa-cccc-dddd-0123456789ab",
            "recordingRef": "aaaaaaaa-bbbb-cccc-dddd-0123456789ab",
            "what": "record",
        },
        CONVERSATION,
    ),
    # the same by GET
    "record_get": Said(
        [(K.RECORDED, None)],
        {
            "recordingUrl": "https://api.nexmo.com/v1/files/bbbbbbbb-aaaa-cccc-dddd-0123456789ab",
            "recordingRef": "aaaaaaaa-bbbb-cccc-dddd-0123456789ab",
            "what": "record",
        },
        CONVERSATION,
    ),
    # has a status, is about a recording
    "transcribed": Said(
        [(K.NOTE, None)],
        {
            "recordingRef": "aaaaaaaa-bbbb-cccc-dddd-0123456789ab",
            "transcriptionUrl": "https://api-us.nexmo.com/v1/files/cccc",
            "what": "transcribed",
        },
        CONVERSATION,
    ),
    # no status: its type says it
    "transfer": Said(
        [(K.NOTE, None)],
        {"callRef": "CON-f1e2d3c4-0000-4b3e-9d6c-1f2e3d4c5b6a", "what": "transfer"},
        INBOUND,
    ),
    # the same by GET
    "transfer_get": Said(
        [(K.NOTE, None)],
        {"callRef": "CON-f1e2d3c4-0000-4b3e-9d6c-1f2e3d4c5b6a", "what": "transfer"},
        INBOUND,
    ),
    # a word of tomorrow's
    "unknown_word": Said(
        [(K.NOTE, None)], {"what": "levitating"}, INBOUND, unknown=("levitating",)
    ),
}
each_request = pytest.mark.parametrize("name", sorted(REQUESTS_SAY))


def hook(name: str) -> HookKind:
    path = load(name)["path"]
    return next(kind for prefix, kind in HOOKS.items() if path.startswith(prefix))


def test_no_recorded_request_is_left_out() -> None:
    assert {path.stem for path in REQUESTS.glob("*.json")} == set(REQUESTS_SAY) | OF_ROOMS
    assert {hook(name) for name in {*REQUESTS_SAY, *OF_ROOMS}} | {HookKind.WAIT} == {
        each.kind for each in VONAGE.hooks
    }


def test_every_status_of_the_tables_is_recorded() -> None:
    said = {load(name)["body"].get("status") for name in REQUESTS_SAY if load(name)["body"]}
    assert said >= statuses.STATUSES
    whats = {said.data.get("what") for said in REQUESTS_SAY.values()}
    assert whats >= statuses.NOTES


@each_request
def test_what_a_request_says(name: str) -> None:
    said = REQUESTS_SAY[name]
    report = parsed(name)
    data: dict[str, Any] = {}
    for event in report.events:
        data |= event.data
    assert [(event.kind, event.reason) for event in report.events] == said.events
    assert data == said.data
    assert any(event.generic for event in report.events) is said.generic
    assert report.events[0].unanswered_reason is said.unanswered
    assert (report.asks, report.unknown) == (said.asks, said.unknown)
    assert (report.visit is None) is (hook(name) not in (HookKind.ARRIVE, HookKind.FALLBACK))


@each_request
def test_which_leg_it_is_about(name: str) -> None:
    said, report = REQUESTS_SAY[name], parsed(name)
    is_media = name.startswith("media")
    assert report.media_leg is is_media
    assert {event.stream for event in report.events} == {stream_id(MEDIA_URL) if is_media else None}
    if said.leg is None:
        assert report.leg is None
        return
    assert report.leg is not None
    assert (report.leg.call_ref, report.leg.leg_ref) == (CONVERSATION, said.leg)


@each_request
def test_it_is_let_in_as_it_stands_and_as_nothing_else(name: str) -> None:
    request = signed(recorded(name))
    VONAGE.signature.verify(request, ACCOUNT)
    assert VONAGE.signature.claimed_account(request) == API_KEY
    with pytest.raises(InvalidSignature):
        VONAGE.signature.verify(signed(recorded(name), OLD_SECRET), ACCOUNT)


@each_request
def test_it_is_kept_as_it_came(name: str) -> None:
    """All but the token of our media socket, which is a secret."""
    raws = [event.raw for event in parsed(name).events]
    if load(name)["method"] == "POST":
        secret = MEDIA_URL.rpartition("/")[2]
        for raw in raws:
            shown = {**raw, "to": str(raw.get("to")).replace(stream_id(MEDIA_URL), secret)}
            assert {**load(name)["body"], "to": shown["to"]} == shown
    assert all("str_" not in str(raw) for raw in raws)
