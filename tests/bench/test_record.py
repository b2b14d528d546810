"""What a load's record makes of answers and messages, whichever of them comes first."""

from __future__ import annotations

import json

import pytest

from bench.client import Answer
from bench.record import CALLBACK, CREATE, REPORT, UPDATE, Record


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def record(clock: Clock) -> Record:
    return Record(clock, width=1.0)


def message(call: str, status: str | None = None) -> bytes:
    kind = {"type": UPDATE, "status": status} if status else {"type": REPORT}
    return json.dumps({"message": {**kind, "call": {"id": call}}}).encode()


def test_a_delay_belongs_to_the_second_of_its_cause(clock: Clock, record: Record) -> None:
    record.caused(("a", "ended"), 1.5)
    record.caused(("a", REPORT), 1.5)
    clock.now = 4.5
    record.delivered(message("a", "ended"))
    assert record.waiting == 1
    clock.now = 5.0
    record.delivered(message("a"))
    assert record.buckets[1].times == {UPDATE: [3.0], REPORT: [3.5]}
    assert record.waiting == 0


def test_a_message_may_come_before_the_answer_that_names_its_call(
    clock: Clock, record: Record
) -> None:
    clock.now = 0.5
    record.delivered(message("a", "queued"))
    record.caused(("a", "queued"), 0.25)
    assert record.buckets[0].times == {UPDATE: [0.25]}
    assert record.waiting == 0


def test_no_message_is_awaited_of_a_request_that_failed(record: Record) -> None:
    record.caused(("a", "ended"), 0.0)
    record.cancelled(("a", "ended"))
    assert record.waiting == 0


def test_refused_and_failed_answers_are_counted_apart(record: Record) -> None:
    for status in (201, 503, 500, 0):
        record.answered(CREATE, 2.0, Answer(status, b"", 0.125))
    record.answered(CALLBACK, 3.0, Answer(204, b"", 0.25))
    whole = record.whole()
    assert whole.times == {CREATE: [0.125], CALLBACK: [0.25]}
    assert (whole.refused[CREATE], whole.failed[CREATE]) == (1, 2)
