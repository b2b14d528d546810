"""Every word of every table, as a request says it: what it means, and why."""

from __future__ import annotations

import pytest

from providers.events import EndedReason, EventKind
from providers.twilio import statuses
from tests.providers.twilio.case import parsed

K, R = EventKind, EndedReason

PROGRESS = [
    # word: the event; why
    ("queued", K.LEG_QUEUED),  # waits for its turn: one call a second
    ("initiated", K.LEG_QUEUED),  # dialled, not ringing yet; Vapi has no word between
    ("ringing", K.LEG_RINGING),
    ("in-progress", K.LEG_ANSWERED),  # what the event "answered" is delivered as
    ("answered", K.LEG_ANSWERED),  # in case Twilio names it as its own page does
]

ENDS = [
    # word, the leg's direction, why it ended, and whether that may be made more specific
    ("completed", "outbound-api", R.CUSTOMER_ENDED_CALL, True),  # says that, not why
    ("completed", "inbound", R.CUSTOMER_ENDED_CALL, True),
    ("completed", "outbound-dial", R.CUSTOMER_ENDED_CALL, True),
    ("busy", "outbound-api", R.CUSTOMER_BUSY, False),  # 486, 600; some networks' 603
    ("busy", "inbound", R.CUSTOMER_BUSY, False),
    ("no-answer", "outbound-api", R.CUSTOMER_DID_NOT_ANSWER, False),  # 487, 480, 408
    ("no-answer", "inbound", R.CUSTOMER_ENDED_CALL, False),  # its caller gave up
    ("no-answer", None, R.CUSTOMER_DID_NOT_ANSWER, False),  # no direction: as dialled
    ("canceled", "outbound-api", R.MANUALLY_CANCELED, False),  # by REST, before the answer
    ("canceled", "inbound", R.CUSTOMER_ENDED_CALL, False),  # who else could
    ("cancelled", "outbound-api", R.MANUALLY_CANCELED, False),  # once in the docs
    ("cancelled", "inbound", R.CUSTOMER_ENDED_CALL, False),
    ("failed", "outbound-api", R.TWILIO_FAILED_TO_CONNECT_CALL, False),  # 404, 403, 5xx, 13224
    ("failed", "inbound", R.TWILIO_FAILED_TO_CONNECT_CALL, False),
]

STREAM_EVENTS = [
    ("stream-started", K.NOTE, None),  # the socket itself is the proof; this may overtake it
    ("stream-stopped", K.NOTE, None),  # does not say that the call is over
    ("stream-error", K.MEDIA_FAILED, R.ASSISTANT_JOIN_TIMED_OUT),  # counts only before the join
]

MACHINE = [
    ("human", False),
    ("unknown", False),  # AMD gave up: treated as a person
    ("machine_start", True),  # Enable
    ("machine_end_beep", True),  # DetectMessageEnd, and three ways a greeting ends
    ("machine_end_silence", True),
    ("machine_end_other", True),
    ("fax", True),  # Vapi has no word for it
]

FORWARDS = [
    ("completed", K.FORWARD_ENDED, R.ASSISTANT_FORWARDED_CALL),
    ("answered", K.FORWARD_ENDED, R.ASSISTANT_FORWARDED_CALL),  # said of conferences
    ("busy", K.FORWARD_FAILED, None),
    ("no-answer", K.FORWARD_FAILED, None),
    ("failed", K.FORWARD_FAILED, None),
    ("canceled", K.FORWARD_FAILED, None),
    ("cancelled", K.FORWARD_FAILED, None),
]

RECORDINGS = [
    ("in-progress", K.NOTE),  # nothing to fetch yet
    ("completed", K.RECORDED),
    ("absent", K.RECORDING_FAILED),  # too short, or silent throughout
    ("failed", K.RECORDING_FAILED),
]


def test_no_row_is_left_out() -> None:
    assert {word for word, _ in PROGRESS} == set(statuses.PROGRESS)
    assert {word for word, *_ in ENDS} == set(statuses.ENDS)
    assert {word for word, *_ in STREAM_EVENTS} == set(statuses.STREAM_EVENTS)
    assert {word for word, _ in MACHINE} == set(statuses.MACHINE)
    assert {word for word, *_ in FORWARDS} == statuses.FORWARD_ENDED | statuses.FORWARD_FAILED
    assert {word for word, _ in RECORDINGS} == set(statuses.RECORDING_STATUSES)


def test_no_word_means_two_things() -> None:
    assert not set(statuses.PROGRESS) & set(statuses.ENDS)
    assert not statuses.FORWARD_ENDED & statuses.FORWARD_FAILED


@pytest.mark.parametrize(("word", "kind"), PROGRESS)
@pytest.mark.parametrize("direction", ["inbound", "outbound-api", "outbound-dial"])
def test_progress(word: str, kind: EventKind, direction: str) -> None:
    report = parsed("status_ringing", {"CallStatus": word, "Direction": direction})
    assert [(each.kind, each.reason) for each in report.events] == [(kind, None)]
    assert (report.unknown, report.asks) == ((), False)


@pytest.mark.parametrize(("word", "direction", "reason", "generic"), ENDS)
def test_an_end(word: str, direction: str | None, reason: EndedReason, generic: bool) -> None:
    report = parsed("status_busy", {"CallStatus": word, "Direction": direction})
    (event,) = report.events
    assert (event.kind, event.reason, event.generic) == (K.LEG_ENDED, reason, generic)
    assert (event.unanswered_reason is None) is not generic
    assert report.unknown == ()


@pytest.mark.parametrize(("word", "direction", "reason", "generic"), ENDS)
def test_an_end_told_by_the_verb_after_the_stream(
    word: str, direction: str | None, reason: EndedReason, generic: bool
) -> None:
    """Twilio asks what now of a leg that is over, too, when the caller left first."""
    report = parsed("after", {"CallStatus": word, "Direction": direction})
    (event,) = report.events
    assert (event.kind, event.reason, event.generic) == (K.LEG_ENDED, reason, generic)
    assert (report.unknown, report.asks) == ((), True)


@pytest.mark.parametrize("word", [*statuses.PROGRESS, "", None])
def test_a_leg_that_goes_on_after_the_stream(word: str | None) -> None:
    report = parsed("after", {"CallStatus": word})
    assert [each.kind for each in report.events] == [K.LEG_CONTINUED]
    assert (report.unknown, report.asks) == ((), True)


@pytest.mark.parametrize(("word", "kind", "reason"), STREAM_EVENTS)
def test_the_media_socket(word: str, kind: EventKind, reason: EndedReason | None) -> None:
    report = parsed("stream_started", {"StreamEvent": word})
    assert [(each.kind, each.reason) for each in report.events] == [(kind, reason)]
    assert (report.unknown, report.asks) == ((), False)


@pytest.mark.parametrize(("word", "machine"), MACHINE)
@pytest.mark.parametrize("name", ["amd_human", "fetch_outbound", "status_answered"])
def test_a_verdict(word: str, machine: bool, name: str) -> None:
    """By itself, with the request for the document (synchronous), with any later status."""
    report = parsed(name, {"AnsweredBy": word})
    event = report.events[-1]
    assert (event.kind, event.data["machine"]) == (K.MACHINE_DETECTED, machine)
    assert event.reason is None  # what is done about it is the domain's
    assert (event.key, report.unknown) == (f"machine:{word}", ())


@pytest.mark.parametrize(("word", "kind", "reason"), FORWARDS)
def test_the_outcome_of_a_forward(word: str, kind: EventKind, reason: EndedReason | None) -> None:
    report = parsed("dial_busy", {"DialCallStatus": word})
    assert [(each.kind, each.reason) for each in report.events] == [(kind, reason)]
    assert (report.unknown, report.asks) == ((), True)


@pytest.mark.parametrize(("word", "kind"), RECORDINGS)
def test_a_recording(word: str, kind: EventKind) -> None:
    report = parsed("recording", {"RecordingStatus": word})
    assert [(each.kind, each.reason) for each in report.events] == [(kind, None)]
    assert (report.unknown, report.asks) == ((), False)


@pytest.mark.parametrize("word", ["Completed", "BUSY", "in_progress", "complete", "ended"])
def test_words_are_exact(word: str) -> None:
    """Another spelling is another word: kept, told, and changes nothing."""
    report = parsed("status_ringing", {"CallStatus": word})
    (event,) = report.events
    assert (event.kind, event.raw["CallStatus"]) == (K.NOTE, word)
    assert report.unknown == (word,)
