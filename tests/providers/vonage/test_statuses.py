"""Every word of every table, of every kind of leg: what it means, and why."""

from __future__ import annotations

import pytest

from providers.events import EndedReason, EventKind
from providers.vonage import statuses
from tests.providers.vonage.cases import parsed

K, R = EventKind, EndedReason

PHONE = [
    # word, outbound, inbound
    ("started", (K.LEG_QUEUED, None), (K.LEG_RINGING, None)),  # inbound, the phone rings us
    ("ringing", (K.LEG_RINGING, None), (K.LEG_RINGING, None)),
    ("answered", (K.LEG_ANSWERED, None), (K.LEG_ANSWERED, None)),
    # 486, 600
    ("busy", (K.LEG_ENDED, R.CUSTOMER_BUSY), (K.LEG_ENDED, R.CUSTOMER_BUSY)),
    # ringing_timer is over
    (
        "timeout",
        (K.LEG_ENDED, R.CUSTOMER_DID_NOT_ANSWER),
        (K.LEG_ENDED, R.CUSTOMER_DID_NOT_ANSWER),
    ),
    # 480, 408: unreachable, or declined by letting it ring
    (
        "unanswered",
        (K.LEG_ENDED, R.CUSTOMER_DID_NOT_ANSWER),
        (K.LEG_ENDED, R.CUSTOMER_DID_NOT_ANSWER),
    ),
    # by who placed it: we did, or the caller did
    ("cancelled", (K.LEG_ENDED, R.MANUALLY_CANCELED), (K.LEG_ENDED, R.CUSTOMER_ENDED_CALL)),
    # 403, 603; no "completed" follows
    ("rejected", (K.LEG_ENDED, R.VONAGE_REJECTED), (K.LEG_ENDED, R.VONAGE_REJECTED)),
    # 404, 410, 484, 5xx
    (
        "failed",
        (K.LEG_ENDED, R.VONAGE_FAILED_TO_CONNECT_CALL),
        (K.LEG_ENDED, R.VONAGE_FAILED_TO_CONNECT_CALL),
    ),
]

DISCONNECTED_BY = [
    ("user", R.CUSTOMER_ENDED_CALL),
    ("platform", R.VONAGE_DISCONNECTED),  # the NCCO ran out, or the API was asked to
    (None, R.CUSTOMER_ENDED_CALL),  # before 2025 it was not said
    ("", R.CUSTOMER_ENDED_CALL),
]

SIP = [
    (486, R.CUSTOMER_BUSY),
    (600, R.CUSTOMER_BUSY),  # busy everywhere
    (408, R.CUSTOMER_DID_NOT_ANSWER),
    (480, R.CUSTOMER_DID_NOT_ANSWER),  # switched off
    (487, R.CUSTOMER_DID_NOT_ANSWER),  # the time to ring was over
    (403, R.VONAGE_REJECTED),  # the caller id is not allowed
    (603, R.VONAGE_REJECTED),  # declined
]

NO_SOCKET = (K.MEDIA_FAILED, R.VONAGE_FAILED_TO_CONNECT_CALL, True)
MEDIA = [
    # word: event, reason, whether Vonage waits for an NCCO
    ("started", (K.MEDIA_STARTING, None, False)),
    ("ringing", (K.MEDIA_STARTING, None, False)),
    ("answered", (K.MEDIA_CONNECTED, None, False)),  # the handshake is done
    # None of these is the customer's doing: the media could not be bridged.
    ("failed", NO_SOCKET),
    ("unanswered", NO_SOCKET),
    ("rejected", NO_SOCKET),
    ("busy", NO_SOCKET),
    ("timeout", NO_SOCKET),
    ("cancelled", NO_SOCKET),
    # We closed the socket and did not hang the leg up.
    ("disconnected", (K.LEG_CONTINUED, R.VONAGE_DISCONNECTED, True)),
    # Torn down with the conversation, which the phone's side does.
    ("completed", (K.MEDIA_STOPPED, R.CUSTOMER_ENDED_CALL, False)),
]

FORWARD = [
    ("started", (K.NOTE, False)),
    ("ringing", (K.NOTE, False)),
    ("answered", (K.NOTE, False)),  # the forward is told once it is over
    ("busy", (K.FORWARD_FAILED, True)),
    ("timeout", (K.FORWARD_FAILED, True)),
    ("unanswered", (K.FORWARD_FAILED, True)),
    ("cancelled", (K.FORWARD_FAILED, True)),  # the caller left
    ("rejected", (K.FORWARD_FAILED, True)),
    ("failed", (K.FORWARD_FAILED, True)),
]


def test_no_row_is_left_out() -> None:
    assert {word for word, *_ in PHONE} == set(statuses.PHONE) == set(statuses.PHONE_INBOUND)
    assert {by for by, _ in DISCONNECTED_BY if by} == set(statuses.DISCONNECTED_BY)
    assert {code for code, _ in SIP} == set(statuses.SIP)
    assert {word for word, _ in MEDIA} == set(statuses.MEDIA)
    assert {word for word, _ in FORWARD} == set(statuses.FORWARD)
    assert {"human", "machine"} == set(statuses.MACHINE)


def test_every_word_of_a_leg_is_a_status_and_no_note() -> None:
    words = {word for table in (PHONE, MEDIA, FORWARD) for word, *_ in table}
    assert words | {"human", "machine"} == statuses.STATUSES
    assert not statuses.STATUSES & statuses.NOTES


@pytest.mark.parametrize(("word", "outbound", "inbound"), PHONE)
def test_the_phones_leg(
    word: str,
    outbound: tuple[EventKind, EndedReason | None],
    inbound: tuple[EventKind, EndedReason | None],
) -> None:
    for direction, wanted in {"outbound": outbound, "inbound": inbound, None: outbound}.items():
        report = parsed("outbound_ringing", {"status": word, "direction": direction})
        (event,) = report.events
        assert (event.kind, event.reason) == wanted
        assert (event.generic, report.asks, report.media_leg) == (False, False, False)
        assert report.unknown == ()


@pytest.mark.parametrize(("by", "reason"), DISCONNECTED_BY)
@pytest.mark.parametrize("direction", ["inbound", "outbound"])
def test_who_ended_an_answered_leg(by: str | None, reason: EndedReason, direction: str) -> None:
    changes = {"disconnected_by": by, "direction": direction}
    (event,) = parsed("inbound_completed_by_user", changes).events
    assert (event.kind, event.reason, event.generic) == (K.LEG_ENDED, reason, True)
    assert event.unanswered_reason is None


@pytest.mark.parametrize(("code", "reason"), SIP)
def test_why_a_leg_never_was_answered(code: int, reason: EndedReason) -> None:
    """When the specific word got lost, or comes later."""
    changes = {"sip_code": code, "disconnected_by": "platform"}
    for direction in ("outbound", "inbound"):
        report = parsed("outbound_completed_unanswered", {**changes, "direction": direction})
        gave_up = direction == "inbound" and reason is R.CUSTOMER_DID_NOT_ANSWER
        wanted = R.CUSTOMER_ENDED_CALL if gave_up else reason
        assert report.events[0].unanswered_reason is wanted


@pytest.mark.parametrize("code", [200, 404, 410, 484, 500, 503, 604, 999])
def test_any_other_code_is_a_failed_connection(code: int) -> None:
    changes = {"sip_code": code, "disconnected_by": "platform"}
    (event,) = parsed("outbound_completed_unanswered", changes).events
    assert event.unanswered_reason is R.VONAGE_FAILED_TO_CONNECT_CALL


@pytest.mark.parametrize(
    ("fields", "answered"),
    [
        ({"start_time": "2026-03-04T05:06:08.000Z", "duration": "0"}, True),
        ({"start_time": None, "duration": "1"}, True),
        ({"start_time": None, "duration": 1}, True),
        ({"start_time": None, "duration": "0"}, False),
        ({"start_time": "", "duration": None}, False),
        ({"start_time": None, "duration": "soon"}, False),
    ],
)
def test_which_legs_were_answered(fields: dict[str, object], answered: bool) -> None:
    (event,) = parsed("outbound_completed_unanswered", fields).events
    assert (event.unanswered_reason is None) is answered
    (forward,) = parsed("forward_completed_unanswered", fields).events
    assert (forward.kind is K.FORWARD_ENDED) is answered


@pytest.mark.parametrize(("word", "wanted"), MEDIA)
def test_our_media_sockets_leg(
    word: str, wanted: tuple[EventKind, EndedReason | None, bool]
) -> None:
    report = parsed("media_failed", {"status": word})
    (event,) = report.events
    assert (event.kind, event.reason, report.asks) == wanted
    assert event.generic is (word == "completed")
    assert (report.media_leg, report.unknown) == (True, ())


@pytest.mark.parametrize(
    ("by", "reason"),
    [
        ("platform", R.CUSTOMER_ENDED_CALL),
        (None, R.CUSTOMER_ENDED_CALL),
        ("user", R.VONAGE_DISCONNECTED),  # the user of this leg is our own server
    ],
)
def test_who_ended_our_media_sockets_leg(by: str | None, reason: EndedReason) -> None:
    (event,) = parsed("media_completed", {"disconnected_by": by}).events
    assert event.reason is reason
    assert parsed("media_answered", {"disconnected_by": by}).events[0].reason is None


@pytest.mark.parametrize(("word", "wanted"), FORWARD)
def test_the_leg_of_a_forward(word: str, wanted: tuple[EventKind, bool]) -> None:
    report = parsed("forward_ringing", {"status": word})
    event = report.events[0]
    assert (event.kind, report.asks) == wanted
    assert (event.reason, event.data["outcome"]) == (None, word)
    assert (report.leg, report.unknown) == (None, ())
    assert len(report.events) == (2 if word == "cancelled" else 1)


@pytest.mark.parametrize(("word", "machine"), statuses.MACHINE.items())
@pytest.mark.parametrize("name", ["human", "outbound_answered"])
def test_a_verdict(word: str, machine: bool, name: str) -> None:
    """Of a leg that is named ``call_uuid``, or ``uuid`` as any other."""
    report = parsed(name, {"status": word})
    (event,) = report.events
    assert (event.kind, event.data["machine"]) == (K.MACHINE_DETECTED, machine)
    assert (event.reason, report.asks) == (None, False)  # what is done about it is the domain's


@pytest.mark.parametrize("word", sorted(statuses.NOTES))
@pytest.mark.parametrize("name", ["inbound_ringing", "forward_ringing", "media_ringing"])
def test_a_word_that_changes_nothing(word: str, name: str) -> None:
    report = parsed(name, {"status": word})
    (event,) = report.events
    assert event.kind is (K.RECORDED if word == "record" else K.NOTE)
    assert (event.data["what"], report.unknown, report.asks) == (word, (), False)


@pytest.mark.parametrize("word", ["Completed", "BUSY", "canceled", "no-answer", "in-progress"])
@pytest.mark.parametrize("name", ["inbound_ringing", "forward_ringing", "media_ringing"])
def test_words_are_exact(word: str, name: str) -> None:
    """Another spelling, or another carrier's, is another word: kept, told, changes nothing."""
    report = parsed(name, {"status": word})
    (event,) = report.events
    assert (event.kind, event.raw["status"]) == (K.NOTE, word)
    assert report.unknown == (word,)
