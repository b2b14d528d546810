"""The fold: one final state whatever the order, however often; and each row of the precedence."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.calls import state as state_module
from app.domain.calls.state import EVIDENCE, RANK, REACHED, CallState
from providers.events import CallEvent, CallStatus, EndedReason, EventKind
from providers.vonage import VONAGE

T0 = datetime(2026, 1, 1, 12, tzinfo=UTC)
K, R = EventKind, EndedReason
fold = partial(state_module.fold, never_answered=VONAGE.never_answered)


def event(kind: EventKind, seconds: float = 0, **fields: Any) -> CallEvent:
    fields.setdefault("key", f"{kind}:{seconds}:{fields.get('stream', '')}")
    return CallEvent(kind, at=T0 + timedelta(seconds=seconds), **fields)


def completed(seconds: float = 60, reason: EndedReason = R.CUSTOMER_ENDED_CALL) -> CallEvent:
    return event(
        K.LEG_ENDED, seconds, reason=reason, generic=True, unanswered_reason=R.UNKNOWN_ERROR
    )


CREATED = event(K.CREATED, 0, data={"bypass": True, "maxDurationSeconds": 600})
SCHEDULED = event(
    K.CREATED, 0, data={"bypass": False, "maxDurationSeconds": 600, "scheduled": True}
)
FETCHED = event(K.LEG_FETCHED, 1)
JOINED = event(K.MEDIA_CONNECTED, 2, stream="a")
STOPPED = event(K.MEDIA_STOPPED, 50, stream="a", reason=R.CUSTOMER_ENDED_CALL, generic=True)
LOST = event(K.MEDIA_LOST, 50, stream="a")
CUT = event(K.MEDIA_LOST, 50, stream="a", reason=R.SERVER_SHUTDOWN)
CONTINUED = event(K.LEG_CONTINUED, 51, key="after-1")
AGAIN = event(K.REATTACHED, 52, data={"streams": ["a"], "answers": "after-1"})
REJOINED = event(K.MEDIA_CONNECTED, 53, stream="b")
BUSY = event(K.LEG_ENDED, 10, reason=R.CUSTOMER_BUSY)


def lasted(seconds: float, leg: int) -> CallEvent:
    """The carrier's end of a leg of that length."""
    return event(
        K.LEG_ENDED,
        seconds,
        reason=R.CUSTOMER_ENDED_CALL,
        generic=True,
        data={"durationSeconds": leg},
    )


DIALLED = event(K.CREATED, 0, data={"bypass": False, "maxDurationSeconds": 600})
ANSWERED = event(K.LEG_ANSWERED, 4)


def intent(reason: EndedReason, seconds: float = 40) -> CallEvent:
    return event(K.INTENT, seconds, reason=reason)


STORIES: dict[str, tuple[list[CallEvent], CallStatus, EndedReason | None]] = {
    # a call nobody brought a leg to yet
    "created": ([CREATED], CallStatus.QUEUED, None),
    # a call we are to dial, at once or later; its time has come
    "to be dialled": ([DIALLED], CallStatus.QUEUED, None),
    "scheduled": ([SCHEDULED], CallStatus.SCHEDULED, None),
    "due": ([SCHEDULED, event(K.DUE, 1)], CallStatus.QUEUED, None),
    # the flow fetched our document; the assistant is not in
    "fetched": ([CREATED, FETCHED], CallStatus.RINGING, None),
    # the carrier's "answered" alone does not mean that the assistant is in
    "answered": ([CREATED, event(K.LEG_ANSWERED, 1)], CallStatus.RINGING, None),
    "joined": ([CREATED, FETCHED, JOINED], CallStatus.IN_PROGRESS, None),
    # the caller hung up: the carrier says stop, then completed
    "caller left": ([CREATED, JOINED, STOPPED, completed()], CallStatus.ENDED, R.CUSTOMER_ENDED_CALL),
    # only the stop arrived: the same, inferred
    "stop alone": ([CREATED, JOINED, STOPPED], CallStatus.ENDED, R.CUSTOMER_ENDED_CALL),
    # stop, but the leg lives on: somebody took the stream away
    "stop, leg lives": (
        [CREATED, JOINED, STOPPED, CONTINUED],
        CallStatus.ENDED,
        R.PHONE_CALL_PROVIDER_CLOSED_WEBSOCKET,
    ),
    # a socket that broke is not an end yet
    "lost": ([CREATED, JOINED, LOST, CONTINUED], CallStatus.IN_PROGRESS, None),
    "lost for good": (
        [CREATED, JOINED, LOST, event(K.MEDIA_GONE, 55, reason=R.PHONE_CALL_PROVIDER_CLOSED_WEBSOCKET)],
        CallStatus.ENDED,
        R.PHONE_CALL_PROVIDER_CLOSED_WEBSOCKET,
    ),
    # the broken socket's own reports do not end the call that was re-attached
    "re-attached": (
        [CREATED, JOINED, LOST, CONTINUED, AGAIN, REJOINED, STOPPED],
        CallStatus.IN_PROGRESS,
        None,
    ),
    # ... nor does the question that re-attaching answered explain a later end
    "re-attached, caller left": (
        [CREATED, JOINED, LOST, CONTINUED, AGAIN, REJOINED,
         event(K.MEDIA_STOPPED, 90, stream="b", reason=R.CUSTOMER_ENDED_CALL, generic=True)],
        CallStatus.ENDED,
        R.CUSTOMER_ENDED_CALL,
    ),
    # our own decision explains everything that follows from it
    "assistant ended": (
        [CREATED, JOINED, intent(R.ASSISTANT_ENDED_CALL), STOPPED, CONTINUED, completed()],
        CallStatus.ENDED,
        R.ASSISTANT_ENDED_CALL,
    ),
    # of two decisions the earlier
    "two intents": (
        [CREATED, JOINED, intent(R.EXCEEDED_MAX_DURATION, 45), intent(R.MANUALLY_CANCELED, 44)],
        CallStatus.ENDED,
        R.MANUALLY_CANCELED,
    ),
    "busy": ([CREATED, event(K.LEG_RINGING, 5), BUSY], CallStatus.ENDED, R.CUSTOMER_BUSY),
    # the summary never hides the specific word, whichever came first
    "busy, completed": ([CREATED, BUSY, completed(9)], CallStatus.ENDED, R.CUSTOMER_BUSY),
    # a late "no answer" is not true of a leg the assistant talked to
    "no answer after all": (
        [CREATED, JOINED, STOPPED, completed(), event(K.LEG_ENDED, 10, reason=R.CUSTOMER_DID_NOT_ANSWER)],
        CallStatus.ENDED,
        R.CUSTOMER_ENDED_CALL,
    ),
    # never answered, never joined: the carrier's bare "completed" explains nothing
    "completed unanswered": ([CREATED, completed()], CallStatus.ENDED, R.UNKNOWN_ERROR),
    # the carrier's own limit cut the call
    "limit": ([CREATED, JOINED, lasted(602, 600)], CallStatus.ENDED, R.EXCEEDED_MAX_DURATION),
    "limit, clocks differ": ([CREATED, JOINED, lasted(600, 600)], CallStatus.ENDED, R.EXCEEDED_MAX_DURATION),
    # the flow before the assistant counts for the leg, not for the call
    "long leg, short call": ([CREATED, JOINED, lasted(599.9, 600)], CallStatus.ENDED, R.CUSTOMER_ENDED_CALL),
    "long leg, never joined": ([CREATED, lasted(602, 600)], CallStatus.ENDED, R.CUSTOMER_ENDED_CALL),
    "dialled, limit": ([DIALLED, ANSWERED, lasted(500, 600)], CallStatus.ENDED, R.EXCEEDED_MAX_DURATION),
    "dialled, almost": ([DIALLED, ANSWERED, lasted(500, 599)], CallStatus.ENDED, R.CUSTOMER_ENDED_CALL),
    # a process of ours stopped: that is why the leg ended
    "shut down, stop": ([CREATED, JOINED, CUT, STOPPED], CallStatus.ENDED, R.SERVER_SHUTDOWN),
    "shut down, leg": ([CREATED, JOINED, CUT, completed()], CallStatus.ENDED, R.SERVER_SHUTDOWN),
    "lost, leg": ([CREATED, JOINED, LOST, completed()], CallStatus.ENDED, R.CUSTOMER_ENDED_CALL),
    "never joined": (
        [CREATED, FETCHED, event(K.MEDIA_FAILED, 3, reason=R.ASSISTANT_JOIN_TIMED_OUT)],
        CallStatus.ENDED,
        R.ASSISTANT_JOIN_TIMED_OUT,
    ),
    "no call": ([CREATED, event(K.TIMER, 300, reason=R.NO_CALL_RECEIVED)], CallStatus.ENDED, R.NO_CALL_RECEIVED),
    # a machine answered, but the policy is to talk
    "machine noted": ([CREATED, JOINED, event(K.MACHINE_DETECTED, 3)], CallStatus.IN_PROGRESS, None),
    "machine": (
        [CREATED, JOINED, event(K.MACHINE_DETECTED, 3, reason=R.VOICEMAIL), completed()],
        CallStatus.ENDED,
        R.VOICEMAIL,
    ),
    "forwarding": (
        [CREATED, JOINED, event(K.FORWARD_STARTED, 30, data={"forward": "1", "destination": "+1"})],
        CallStatus.FORWARDING,
        None,
    ),
    # the one way back: the destination did not answer
    "forward failed": (
        [CREATED, JOINED, event(K.FORWARD_STARTED, 30, data={"forward": "1", "destination": "+1"}),
         event(K.FORWARD_FAILED, 40, data={"forward": "1"})],
        CallStatus.IN_PROGRESS,
        None,
    ),
    "forwarded": (
        [CREATED, JOINED, event(K.FORWARD_STARTED, 30, data={"forward": "1", "destination": "+1"}),
         event(K.FORWARD_ENDED, 40, reason=R.ASSISTANT_FORWARDED_CALL, data={"forward": "1"}), completed()],
        CallStatus.ENDED,
        R.ASSISTANT_FORWARDED_CALL,
    ),
    # the carrier's summary of a leg that was busy does not say that it was connected
    "forward failed, summary": (
        [CREATED, JOINED, event(K.FORWARD_STARTED, 30, data={"forward": "1", "destination": "+1"}),
         event(K.FORWARD_FAILED, 40, data={"forward": "1"}),
         event(K.FORWARD_ENDED, 41, reason=R.ASSISTANT_FORWARDED_CALL, data={"forward": "1"})],
        CallStatus.IN_PROGRESS,
        None,
    ),
    # the socket that was closed for a forward is replaced: its end ends nothing
    "forwarding, socket's end": (
        [CREATED, JOINED, event(K.FORWARD_STARTED, 30, data={"forward": "1", "destination": "+1"}),
         CONTINUED, event(K.REATTACHED, 52, key="r", data={"streams": ["a"], "answers": "after-1", "forward": "1"}),
         STOPPED],
        CallStatus.FORWARDING,
        None,
    ),
    # ... nor does its question explain the later end of a caller who came back
    "forward failed, caller left": (
        [CREATED, JOINED, CONTINUED,
         event(K.REATTACHED, 52, key="r", data={"streams": ["a"], "answers": "after-1", "forward": "1"}),
         event(K.FORWARD_STARTED, 30, data={"forward": "1", "destination": "+1"}),
         event(K.FORWARD_FAILED, 60, data={"forward": "1"}),
         event(K.MEDIA_STOPPED, 90, stream="b", reason=R.CUSTOMER_ENDED_CALL, generic=True)],
        CallStatus.ENDED,
        R.CUSTOMER_ENDED_CALL,
    ),
    # frozen is frozen
    "settled": (
        [CREATED, JOINED, event(K.SETTLED, 60, reason=R.CUSTOMER_ENDED_CALL), BUSY,
         intent(R.MANUALLY_CANCELED)],
        CallStatus.ENDED,
        R.CUSTOMER_ENDED_CALL,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STORIES)
def test_story(name: str) -> None:
    events, status, reason = STORIES[name]
    state = fold(events)
    assert (state.status, state.ended_reason) == (status, reason)


@pytest.mark.parametrize("name", STORIES)
def test_all_orders_of_a_call_converge(name: str) -> None:
    """Exhaustive: every permutation of up to 7 events."""
    events = STORIES[name][0]
    assert len(events) <= 7
    states = {repr(fold(order)) for order in itertools.permutations(events)}
    assert len(states) == 1


@pytest.mark.parametrize("name", STORIES)
def test_duplicates_change_nothing(name: str) -> None:
    events = STORIES[name][0]
    for twice in events:
        for position in range(len(events) + 1):
            assert fold([*events[:position], twice, *events[position:]]) == fold(events)


EIGHT = (
    CREATED,
    FETCHED,
    event(K.LEG_ANSWERED, 1.5),
    event(K.MEDIA_STARTING, 1.8),
    JOINED,
    intent(R.ASSISTANT_ENDED_CALL),
    STOPPED,
    completed(),
)
"""A whole call; ``bench/orders.py`` walks its orders step by step."""
FIVE = (CREATED, FETCHED, JOINED, STOPPED, completed())


def test_eight_events_in_all_40_320_orders() -> None:
    final = fold(EIGHT)
    assert (final.status, final.ended_reason) == (CallStatus.ENDED, R.ASSISTANT_ENDED_CALL)
    count = 0
    for order in itertools.permutations(EIGHT):
        count += fold(order) == final
    assert count == 40_320


def test_five_events_each_twice_in_every_order() -> None:
    """A sample of the 113,400 orders, all of which ``bench/orders.py`` tries."""
    final = fold(FIVE)
    indices = itertools.permutations(range(5))
    orders = [[*one, *two] for one in indices for two in ([4, 3, 2, 1, 0], [0, 1, 2, 3, 4])]
    for order in orders:
        assert fold(FIVE[index] for index in order) == final


KINDS = st.sampled_from([kind for kind in EventKind if kind is not K.REATTACHED])


@st.composite
def histories(draw: st.DrawFn) -> list[CallEvent]:
    """Forwards that end are others than those that fail: of one that does both, ``STORIES`` tells.

    There the failure wins; the domain freezes an ended forward at once, so that it stays ended.
    """
    count = draw(st.integers(1, 9))
    kinds = [draw(KINDS) for _ in range(count)]
    return [
        event(
            kind,
            draw(st.integers(0, 5)),
            key=str(index),
            stream=draw(st.sampled_from([None, "a", "b"])),
            reason=draw(st.sampled_from([None, *EndedReason])),
            generic=draw(st.booleans()),
            sequence=draw(st.none() | st.integers(0, 3)),
            data={"forward": "ended" if kind is K.FORWARD_ENDED else draw(st.sampled_from("12"))},
        )
        for index, kind in enumerate(kinds)
    ]


@given(histories(), st.randoms(use_true_random=False))
def test_any_history_in_any_order(events: list[CallEvent], rng: random.Random) -> None:
    shuffled = events + rng.choices(events, k=3)
    rng.shuffle(shuffled)
    assert fold(shuffled) == fold(events)


@given(histories())
def test_ended_is_absorbing(events: list[CallEvent]) -> None:
    """One event more never takes a call out of ``ended``, nor a status back but from forwarding."""
    before = fold(events[:-1])
    after = fold(events)
    if before.status is CallStatus.ENDED:
        assert after.status is CallStatus.ENDED
    elif before.status is not CallStatus.FORWARDING:
        assert RANK[after.status] >= RANK[before.status]


@given(histories())
def test_an_end_is_whole(events: list[CallEvent]) -> None:
    state = fold(events)
    ended = state.status is CallStatus.ENDED
    assert (state.ended_reason is not None) == ended
    assert (state.ended_at is not None) == ended
    if state.started_at and state.ended_at and not state.settled:
        assert state.ended_at >= state.started_at


@pytest.mark.parametrize("status", CallStatus)
@pytest.mark.parametrize("kind", EventKind)
def test_every_kind_in_every_status(status: CallStatus, kind: EventKind) -> None:
    """The full product: a status never falls but by a failed forward, and none raises."""
    path: dict[CallStatus, Sequence[CallEvent]] = {
        CallStatus.SCHEDULED: [SCHEDULED],
        CallStatus.QUEUED: [CREATED],
        CallStatus.RINGING: [CREATED, FETCHED],
        CallStatus.IN_PROGRESS: [CREATED, JOINED],
        CallStatus.FORWARDING: [CREATED, JOINED, event(K.FORWARD_STARTED, 3, data={"forward": "1", "destination": "+1"})],
        CallStatus.ENDED: [CREATED, JOINED, completed()],
    }  # fmt: skip
    before = fold(path[status])
    assert before.status is status
    late = event(
        kind, 99, key="late", reason=R.CUSTOMER_BUSY, data={"forward": "1", "destination": "+2"}
    )
    after: CallState = fold([*path[status], late])
    if status is CallStatus.FORWARDING and kind is K.FORWARD_FAILED:
        assert after.status is CallStatus.IN_PROGRESS
    else:
        assert RANK[after.status] >= RANK[status]


def test_times_are_the_carriers_own() -> None:
    """startedAt is the earliest join, endedAt the earliest terminal time; arrival does not count."""
    state = fold(
        [completed(60), event(K.MEDIA_CONNECTED, 9, stream="b"), JOINED, CREATED, completed(58)]
    )
    assert state.started_at == T0 + timedelta(seconds=2)
    assert state.ended_at == T0 + timedelta(seconds=58)


def test_an_end_before_the_start_is_the_start() -> None:
    """A carrier whose clock is behind ours must not make a negative duration."""
    state = fold([CREATED, JOINED, completed(1)])
    assert state.ended_at == state.started_at


def test_equal_times_are_decided_by_sequence_then_key() -> None:
    def leg_ended(key: str, sequence: int, reason: EndedReason) -> CallEvent:
        return event(K.LEG_ENDED, 5, key=key, sequence=sequence, reason=reason)

    pair = [leg_ended("a", 2, R.CUSTOMER_BUSY), leg_ended("b", 1, R.CUSTOMER_DID_NOT_ANSWER)]
    assert fold(pair).ended_reason is R.CUSTOMER_DID_NOT_ANSWER
    pair = [leg_ended("b", 1, R.CUSTOMER_BUSY), leg_ended("a", 1, R.CUSTOMER_DID_NOT_ANSWER)]
    assert fold(pair).ended_reason is R.CUSTOMER_DID_NOT_ANSWER


def test_a_dialled_call_is_in_progress_when_answered() -> None:
    state = fold([DIALLED, ANSWERED])
    assert (state.status, state.started_at) == (CallStatus.IN_PROGRESS, T0 + timedelta(seconds=4))


def test_tables_are_whole() -> None:
    """Every kind is evidence of an end, or of progress, or of neither - on purpose."""
    neither = {K.CREATED, K.DUE, K.LEG_QUEUED, K.MEDIA_LOST, K.REATTACHED, K.FORWARD_STARTED,
               K.ASSISTANT_CHANGED, K.FORWARD_FAILED, K.RECORDED, K.RECORDING_FAILED, K.NOTE,
               K.QUEUE_POSITION, K.QUEUE_LEFT, K.OPERATOR_DIALLED, K.OPERATOR_RINGING,
               K.OPERATOR_ANSWERED, K.OPERATOR_BRIEFED, K.OPERATOR_JOINED,
               K.OPERATOR_TALKING, K.OPERATOR_TALKED, K.OPERATOR_ENDED, K.TAKEN_OVER, K.GIVEN_BACK}  # fmt: skip
    assert set(EVIDENCE) | set(REACHED) | neither == set(EventKind)


def test_a_new_call_has_the_state_of_no_events() -> None:
    """Which ``create`` does not compute."""
    assert CallState(CallStatus.QUEUED) == fold([])


PRECEDENCE = [
    event(K.SETTLED, 30, reason=R.ASSISTANT_ERROR),
    intent(R.MANUALLY_CANCELED, 30),
    event(K.MACHINE_DETECTED, 30, reason=R.VOICEMAIL),
    event(K.FORWARD_ENDED, 30, reason=R.ASSISTANT_FORWARDED_CALL, data={"forward": "1"}),
    event(K.MEDIA_GONE, 30, reason=R.PHONE_CALL_PROVIDER_CLOSED_WEBSOCKET),
    event(K.LEG_ENDED, 30, reason=R.VONAGE_DISCONNECTED),
    event(K.MEDIA_STOPPED, 30, reason=R.CUSTOMER_ENDED_CALL),
    event(K.TIMER, 30, reason=R.NO_CALL_RECEIVED),
    event(K.LEG_ENDED, 30, reason=R.CUSTOMER_DID_NOT_ANSWER),  # of a leg that was answered
]
"""The strongest evidence first."""


@pytest.mark.parametrize(("strong", "weak"), itertools.pairwise(PRECEDENCE))
def test_the_stronger_evidence_counts_though_it_is_later(
    strong: CallEvent, weak: CallEvent
) -> None:
    events = [CREATED, JOINED, strong, weak._replace(at=T0 + timedelta(seconds=20), key="weak")]
    assert fold(events).ended_reason is strong.reason


@pytest.mark.parametrize("kind", [K.MEDIA_GONE, K.MEDIA_FAILED, K.LEG_CONTINUED])
def test_the_ends_of_a_socket_are_equal_so_the_earlier_counts(kind: EventKind) -> None:
    first = event(kind, 55, reason=R.DB_ERROR)
    for other in {K.MEDIA_GONE, K.MEDIA_FAILED, K.LEG_CONTINUED} - {kind}:
        events = [CREATED, JOINED, STOPPED, first, event(other, 56, reason=R.ASSISTANT_ERROR)]
        assert fold(events).ended_reason is R.DB_ERROR


def test_only_a_reattach_replaces_streams() -> None:
    """Whatever data another event has."""
    data = {"streams": ["a"], "answers": STOPPED.key}
    state = fold([CREATED, JOINED, event(K.NOTE, 10, data=data), STOPPED])
    assert (state.status, state.streams) == (CallStatus.ENDED, ("a",))


FORWARDED = event(K.FORWARD_STARTED, 30, data={"forward": "2", "destination": "+1"})


@pytest.mark.parametrize(
    ("events", "handed_over"),
    [
        ([], False),  # no forward goes on
        ([event(K.REATTACHED, 31, key="r")], False),  # a socket took the place of another
        ([FORWARDED], False),  # the carrier has not asked yet
        ([FORWARDED, event(K.REATTACHED, 31, key="r", data={"forward": "1"})], False),  # another's
        ([FORWARDED, event(K.REATTACHED, 31, key="r", data={"forward": "2"})], True),
    ],
)
def test_a_leg_is_handed_over_once_it_has_the_forwards_document(
    events: list[CallEvent], handed_over: bool
) -> None:
    assert fold([CREATED, JOINED, *events]).handed_over is handed_over
    failed = event(K.FORWARD_FAILED, 40, data={"forward": "2"})
    assert fold([CREATED, JOINED, *events, failed]).handed_over is False


def test_the_streams_are_those_in_force_that_have_a_name() -> None:
    nameless = event(K.MEDIA_CONNECTED, 54, key="of a carrier without stream ids")
    assert fold([CREATED, JOINED, LOST, CONTINUED, AGAIN, REJOINED, nameless]).streams == ("b",)


def test_only_what_ends_the_call_is_weighed() -> None:
    """A note is no evidence, nor is a replaced stream's stop. A busy leg did not talk: it is weak."""
    log = [CREATED, JOINED, LOST, CONTINUED, AGAIN, REJOINED, STOPPED, completed(), BUSY]
    weighed = state_module.weigh([*log, event(K.NOTE, 70)], VONAGE.never_answered)
    assert list(weighed) == [completed().key, BUSY.key]
    assert [generic for _, generic in weighed.values()] == [True, False]


def test_an_end_is_inferred_from_a_stop_alone_unless_we_cut_the_stream() -> None:
    assert fold([CREATED, JOINED, STOPPED]).inferred
    assert not fold([CREATED, JOINED, CUT, STOPPED]).inferred
