"""Every recorded request of Twilio's, and all that is read of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from providers.base.webhook import HookKind
from providers.errors import InvalidSignature
from providers.events import EndedReason, EventKind
from providers.twilio import TWILIO, webhooks
from providers.twilio.config import HOOKS
from tests.providers.twilio.case import (
    ACCOUNT_SID,
    CALL_SID,
    CHILD_SID,
    NEW_TOKEN,
    OF_ROOMS,
    REQUESTS,
    STREAM_SID,
    TOKEN,
    TwilioCase,
    holding,
    load,
    recorded,
)

K, R = EventKind, EndedReason
RECORDING_SID = "RE" + "5a6b7c8d" * 4
RECORDING_URL = (
    f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT_SID}/Recordings/{RECORDING_SID}"
)


@dataclass(frozen=True)
class Said:
    """What one request says: its events (kind, reason), their facts together, what is wanted."""

    events: list[tuple[EventKind, EndedReason | None]]
    data: Mapping[str, Any] = field(default_factory=dict)
    asks: bool = False
    generic: bool = False
    unknown: tuple[str, ...] = ()


REQUESTS_SAY: Mapping[str, Said] = {
    # ------------------ asked for a document, by a leg
    # the document of a call made by API, after a Studio Redirect
    "fetch": Said([(K.LEG_FETCHED, None)], asks=True),
    # synchronous AMD: the verdict comes with the request for the document
    "fetch_amd": Said(
        [(K.LEG_FETCHED, None), (K.MACHINE_DETECTED, None)],
        {
            "answeredBy": "machine_start",
            "detectionMilliseconds": 2710,
            "stirStatus": "B",
            "machine": True,
        },
        asks=True,
    ),
    # a leg that a <Dial> rang, lent to us: it is asked for itself, not for its parent
    "fetch_child": Said([(K.LEG_FETCHED, None)], asks=True),
    # the same of a call the owner dialled
    "fetch_outbound": Said([(K.LEG_FETCHED, None)], {"stirStatus": "B"}, asks=True),
    # a number webhook: the first request of an inbound call
    "inbound": Said([(K.LEG_FETCHED, None)], {"stirVerstat": "TN-Validation-Passed-A"}, asks=True),
    # an add-on's result is JSON inside the form
    "inbound_addons": Said(
        [(K.LEG_FETCHED, None)], {"stirVerstat": "TN-Validation-Passed-A"}, asks=True
    ),
    # a browser's or an app's leg: its parties are no numbers
    "inbound_client": Said(
        [(K.LEG_FETCHED, None)], {"stirVerstat": "TN-Validation-Passed-A"}, asks=True
    ),
    # our URL as the voice fallback of a number
    "inbound_fallback": Said(
        [(K.LEG_FETCHED, None)],
        {"errorCode": "11200", "errorUrl": "https://owner.example/voice"},
        asks=True,
    ),
    # forwarded by its carrier, with caller id lookup: text that is not ASCII
    "inbound_forwarded": Said(
        [(K.LEG_FETCHED, None)],
        {
            "forwardedFrom": "+12125550177",
            "callerName": "ÉCOLE & FILS",
            "stirVerstat": "TN-Validation-Passed-A",
        },
        asks=True,
    ),
    # a SIP caller, with a header of his own
    "inbound_sip": Said([(K.LEG_FETCHED, None)], asks=True),
    # a SIP trunk's own headers, one of them named like a parameter
    "inbound_sip_headers": Said([(K.LEG_FETCHED, None)], asks=True),
    # a Studio TwiML Redirect: the call was answered by the flow
    "inbound_studio": Said([(K.LEG_FETCHED, None)], asks=True),
    # withheld caller id
    "inbound_withheld": Said([(K.LEG_FETCHED, None)], asks=True),
    # no idempotency token
    "inbound_without_token": Said(
        [(K.LEG_FETCHED, None)], {"stirVerstat": "TN-Validation-Passed-A"}, asks=True
    ),
    # ------------------ the progress of a phone's leg
    # outbound with AMD: the verdict comes with each later request
    "status_amd": Said(
        [(K.LEG_ENDED, R.CUSTOMER_ENDED_CALL), (K.MACHINE_DETECTED, None)],
        {
            "durationSeconds": 9,
            "billedMinutes": 1,
            "answeredBy": "machine_end_beep",
            "detectionMilliseconds": 4120,
            "machine": True,
        },
        generic=True,
    ),
    # outbound, event "answered"
    "status_answered": Said([(K.LEG_ANSWERED, None)], {"stirStatus": "B"}),
    # 404: the number does not exist
    "status_bad_number": Said(
        [(K.LEG_ENDED, R.TWILIO_FAILED_TO_CONNECT_CALL)],
        {"durationSeconds": 0, "billedMinutes": 0, "sipCode": 404},
    ),
    # outbound, the line was busy
    "status_busy": Said(
        [(K.LEG_ENDED, R.CUSTOMER_BUSY)], {"durationSeconds": 0, "billedMinutes": 0, "sipCode": 486}
    ),
    # outbound, canceled through the API while it rang
    "status_canceled": Said(
        [(K.LEG_ENDED, R.MANUALLY_CANCELED)],
        {"durationSeconds": 0, "billedMinutes": 0, "sipCode": 487},
    ),
    # a caller who gave up, in the other word
    "status_canceled_inbound": Said(
        [(K.LEG_ENDED, R.CUSTOMER_ENDED_CALL)], {"durationSeconds": 0, "billedMinutes": 0}
    ),
    # the leg a <Dial> rang
    "status_child": Said(
        [(K.LEG_ENDED, R.CUSTOMER_ENDED_CALL)],
        {"durationSeconds": 12, "billedMinutes": 1},
        generic=True,
    ),
    # the leg a <Dial> rings
    "status_child_ringing": Said([(K.LEG_RINGING, None)]),
    # outbound, one side hung up
    "status_completed": Said(
        [(K.LEG_ENDED, R.CUSTOMER_ENDED_CALL)],
        {"durationSeconds": 37, "billedMinutes": 1, "sipCode": 200},
        generic=True,
    ),
    # inbound: the one callback a number sends
    "status_completed_inbound": Said(
        [(K.LEG_ENDED, R.CUSTOMER_ENDED_CALL)],
        {"durationSeconds": 37, "billedMinutes": 1},
        generic=True,
    ),
    # 603: declined at the phone; some networks say busy
    "status_declined": Said(
        [(K.LEG_ENDED, R.CUSTOMER_BUSY)], {"durationSeconds": 0, "billedMinutes": 0, "sipCode": 603}
    ),
    # outbound, no such number
    "status_failed": Said(
        [(K.LEG_ENDED, R.TWILIO_FAILED_TO_CONNECT_CALL)],
        {"durationSeconds": 0, "billedMinutes": 0, "sipCode": 404},
    ),
    # outbound, event "initiated"
    "status_initiated": Said([(K.LEG_QUEUED, None)], {"stirStatus": "B"}),
    # outbound, rang out
    "status_no_answer": Said(
        [(K.LEG_ENDED, R.CUSTOMER_DID_NOT_ANSWER)],
        {"durationSeconds": 0, "billedMinutes": 0, "sipCode": 487},
    ),
    # inbound, the caller gave up before the answer
    "status_no_answer_inbound": Said(
        [(K.LEG_ENDED, R.CUSTOMER_ENDED_CALL)], {"durationSeconds": 0, "billedMinutes": 0}
    ),
    # a call that waits for its turn (1 call a second)
    "status_queued": Said([(K.LEG_QUEUED, None)], {"stirStatus": "B"}),
    # a call that Record=true recorded
    "status_recorded": Said(
        [(K.LEG_ENDED, R.CUSTOMER_ENDED_CALL)],
        {
            "durationSeconds": 37,
            "billedMinutes": 1,
            "sipCode": 200,
            "recordingRef": RECORDING_SID,
            "recordingUrl": RECORDING_URL,
            "recordingSeconds": 35,
        },
        generic=True,
    ),
    # outbound, event "ringing"
    "status_ringing": Said([(K.LEG_RINGING, None)], {"stirStatus": "B"}),
    # 487: the time to ring was over
    "status_timeout": Said(
        [(K.LEG_ENDED, R.CUSTOMER_DID_NOT_ANSWER)],
        {"durationSeconds": 0, "billedMinutes": 0, "sipCode": 487},
    ),
    # a word of tomorrow's
    "status_unknown_word": Said([(K.NOTE, None)], {"stirStatus": "B"}, unknown=("levitating",)),
    # ------------------ the media socket
    # 31921: we closed the socket on purpose, after it was open
    "stream_closed_by_us": Said(
        [(K.MEDIA_FAILED, R.ASSISTANT_JOIN_TIMED_OUT)],
        {
            "streamRef": STREAM_SID,
            "streamEvent": "stream-error",
            "error": "Stream - Close - The WebSocket server closed the connection",
        },
    ),
    # the media socket, error; times are ISO 8601 here
    "stream_error": Said(
        [(K.MEDIA_FAILED, R.ASSISTANT_JOIN_TIMED_OUT)],
        {
            "streamRef": STREAM_SID,
            "streamEvent": "stream-error",
            "error": "Stream - Connection - Handshake error: server returned 503",
        },
    ),
    # a <Start><Stream> of the flow's owner: named by its own id
    "stream_of_the_owner": Said(
        [(K.NOTE, None)], {"streamRef": STREAM_SID, "streamEvent": "stream-started"}
    ),
    # the media socket, started; times are ISO 8601 here
    "stream_started": Said(
        [(K.NOTE, None)], {"streamRef": STREAM_SID, "streamEvent": "stream-started"}
    ),
    # the media socket, stopped; times are ISO 8601 here
    "stream_stopped": Said(
        [(K.NOTE, None)], {"streamRef": STREAM_SID, "streamEvent": "stream-stopped"}
    ),
    # an event of tomorrow's
    "stream_unknown_word": Said(
        [(K.NOTE, None)],
        {"streamRef": STREAM_SID, "streamEvent": "stream-paused"},
        unknown=("stream-paused",),
    ),
    # ------------------ the verb after the stream
    # the verb after </Connect>: the leg lives, the socket is closed
    "after": Said([(K.LEG_CONTINUED, None)], asks=True),
    # the verb after the stream, of a call with AMD
    "after_machine": Said(
        [(K.LEG_CONTINUED, None), (K.MACHINE_DETECTED, None)],
        {"answeredBy": "human", "machine": False},
        asks=True,
    ),
    # the same of a leg whose caller had hung up
    "after_over": Said([(K.LEG_ENDED, R.CUSTOMER_ENDED_CALL)], asks=True, generic=True),
    # the action of a ConversationRelay whose session we have ended
    "after_relay": Said(
        [(K.LEG_CONTINUED, None)],
        {"sessionRef": "VX" + "0" * 32, "sessionStatus": "ended", "sessionSeconds": 31},
        asks=True,
    ),
    # the same of one that failed for good
    "after_relay_failed": Said(
        [(K.MEDIA_GONE, R.ASSISTANT_ERROR)],
        {
            "sessionRef": "VX" + "0" * 32,
            "sessionStatus": "failed",
            "sessionSeconds": 0,
            "errorCode": "64106",
            "errorMessage": "The voice is not one of Google's",
        },
        asks=True,
    ),
    # ------------------ answering machine detection
    # a fax
    "amd_fax": Said(
        [(K.MACHINE_DETECTED, None)],
        {"answeredBy": "fax", "detectionMilliseconds": 3900, "machine": True},
    ),
    # asynchronous AMD: not the full set of parameters
    "amd_human": Said(
        [(K.MACHINE_DETECTED, None)],
        {"answeredBy": "human", "detectionMilliseconds": 2310, "machine": False},
    ),
    # asynchronous AMD, a machine
    "amd_machine": Said(
        [(K.MACHINE_DETECTED, None)],
        {"answeredBy": "machine_start", "detectionMilliseconds": 3740, "machine": True},
    ),
    # DetectMessageEnd: a greeting, then silence
    "amd_silence": Said(
        [(K.MACHINE_DETECTED, None)],
        {"answeredBy": "machine_end_silence", "detectionMilliseconds": 3740, "machine": True},
    ),
    # AMD that timed out
    "amd_unknown": Said(
        [(K.MACHINE_DETECTED, None)],
        {"answeredBy": "unknown", "detectionMilliseconds": 30000, "machine": False},
    ),
    # ------------------ a forward
    # a forward to a busy line
    "dial_busy": Said(
        [(K.FORWARD_FAILED, None)],
        {"forwardLegRef": CHILD_SID, "outcome": "busy", "bridged": False},
        asks=True,
    ),
    # the caller left while the forward rang
    "dial_canceled_over": Said(
        [(K.FORWARD_FAILED, None), (K.LEG_ENDED, R.CUSTOMER_ENDED_CALL)],
        {"forwardLegRef": CHILD_SID, "outcome": "canceled", "bridged": False},
        asks=True,
        generic=True,
    ),
    # a forward that was talked through; the caller is still there
    "dial_completed": Said(
        [(K.FORWARD_ENDED, R.ASSISTANT_FORWARDED_CALL)],
        {"forwardLegRef": CHILD_SID, "outcome": "completed", "forwardSeconds": 61, "bridged": True},
        asks=True,
    ),
    # the same, ended by the caller
    "dial_completed_over": Said(
        [(K.FORWARD_ENDED, R.ASSISTANT_FORWARDED_CALL), (K.LEG_ENDED, R.CUSTOMER_ENDED_CALL)],
        {"forwardLegRef": CHILD_SID, "outcome": "completed", "forwardSeconds": 61, "bridged": True},
        asks=True,
        generic=True,
    ),
    # a <Dial> into a conference is answered, and has no leg
    "dial_conference": Said(
        [(K.FORWARD_ENDED, R.ASSISTANT_FORWARDED_CALL)], {"outcome": "answered"}, asks=True
    ),
    # a forward that rang out
    "dial_no_answer": Said(
        [(K.FORWARD_FAILED, None)],
        {"forwardLegRef": CHILD_SID, "outcome": "no-answer", "bridged": False},
        asks=True,
    ),
    # <Dial record>: the recording comes along
    "dial_recorded": Said(
        [(K.FORWARD_ENDED, R.ASSISTANT_FORWARDED_CALL)],
        {
            "forwardLegRef": CHILD_SID,
            "outcome": "completed",
            "forwardSeconds": 61,
            "recordingUrl": RECORDING_URL,
            "bridged": True,
        },
        asks=True,
    ),
    # a forward to a SIP address that answers 503
    "dial_sip_failed": Said(
        [(K.FORWARD_FAILED, None)],
        {"forwardLegRef": CHILD_SID, "outcome": "failed", "forwardSipCode": 503, "bridged": False},
        asks=True,
    ),
    # an outcome of tomorrow's
    "dial_unknown_word": Said(
        [(K.NOTE, None)],
        {"forwardLegRef": CHILD_SID, "outcome": "levitating", "bridged": False},
        asks=True,
        unknown=("levitating",),
    ),
    # ------------------ a recording
    # a recording is there
    "recording": Said(
        [(K.RECORDED, None)],
        {
            "recordingRef": RECORDING_SID,
            "recordingUrl": RECORDING_URL,
            "recordingStatus": "completed",
            "recordingSeconds": 36,
            "recordingChannels": 2,
            "recordingSource": "OutboundAPI",
            "recordingTrack": "both",
            "recordingStartedAt": "Wed, 04 Mar 2026 05:06:02 +0000",
        },
    ),
    # silent throughout, or too short
    "recording_absent": Said(
        [(K.RECORDING_FAILED, None)],
        {
            "recordingRef": RECORDING_SID,
            "recordingUrl": RECORDING_URL,
            "recordingStatus": "absent",
            "recordingSeconds": 0,
            "recordingChannels": 2,
            "recordingSource": "OutboundAPI",
            "recordingTrack": "both",
            "recordingStartedAt": "Wed, 04 Mar 2026 05:06:02 +0000",
        },
    ),
    # in-progress: nothing to fetch yet
    "recording_started": Said(
        [(K.NOTE, None)],
        {
            "recordingRef": RECORDING_SID,
            "recordingUrl": RECORDING_URL,
            "recordingStatus": "in-progress",
            "recordingChannels": 2,
            "recordingSource": "OutboundAPI",
            "recordingTrack": "both",
            "recordingStartedAt": "Wed, 04 Mar 2026 05:06:02 +0000",
        },
    ),
}
each_request = pytest.mark.parametrize("name", sorted(REQUESTS_SAY))


def hook(name: str) -> HookKind:
    return HookKind(recorded(name)["hook"])


def test_no_recorded_request_is_left_out() -> None:
    assert {path.stem for path in REQUESTS.glob("*.json")} == set(REQUESTS_SAY) | OF_ROOMS
    assert {hook(name) for name in {*REQUESTS_SAY, *OF_ROOMS}} | {HookKind.WAIT} == {
        each.kind for each in HOOKS
    }


@each_request
def test_what_a_request_says(name: str) -> None:
    said = REQUESTS_SAY[name]
    report = webhooks.parse(hook(name), load(name))
    data: dict[str, Any] = {}
    for event in report.events:
        data |= event.data
        assert event.raw == recorded(name)["fields"]
    assert [(event.kind, event.reason) for event in report.events] == said.events
    assert data == said.data
    assert any(event.generic for event in report.events) is said.generic
    assert (report.asks, report.unknown) == (said.asks, said.unknown)
    assert not report.media_leg
    assert (report.visit is None) is (hook(name) not in (HookKind.ARRIVE, HookKind.FETCH))


@each_request
def test_which_leg_it_is_about(name: str) -> None:
    """A child leg's progress leads to its parent's call; what asks for a document asks for itself."""
    fields = recorded(name)["fields"]
    leg = webhooks.parse(hook(name), load(name)).leg
    assert leg is not None
    assert leg.leg_ref == fields["CallSid"]
    asked = hook(name) in (HookKind.ARRIVE, HookKind.FETCH, HookKind.CONTINUE, HookKind.FORWARD)
    assert leg.call_ref == (CHILD_SID if asked and "ParentCallSid" in fields else CALL_SID)
    assert (leg.from_, leg.to) == (fields.get("From"), fields.get("To"))
    assert leg.inbound is (fields["Direction"] == "inbound" if "Direction" in fields else None)


@each_request
def test_it_is_let_in_as_it_stands_and_as_nothing_else(name: str) -> None:
    request = load(name)
    TWILIO.signature.verify(request, TwilioCase.account)
    assert TWILIO.signature.claimed_account(request) == ACCOUNT_SID
    for account in (holding(NEW_TOKEN), replace(holding(TOKEN), ref="AC" + "00" * 16)):
        with pytest.raises(InvalidSignature):
            TWILIO.signature.verify(request, account)


@each_request
def test_a_get_says_the_same(name: str) -> None:
    """Twilio's console offers GET for every URL; the parameters are the same."""
    request = load(name, method="GET")
    TWILIO.signature.verify(request, TwilioCase.account)
    by_get = webhooks.parse(hook(name), request)
    by_post = webhooks.parse(hook(name), load(name))
    assert (by_get.leg, by_get.asks, by_get.unknown) == (
        by_post.leg,
        by_post.asks,
        by_post.unknown,
    )
    kinds = [
        [(event.kind, event.at, event.data) for event in each.events] for each in (by_get, by_post)
    ]
    assert kinds[0] == kinds[1]
