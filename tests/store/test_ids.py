"""New ids: UUIDs of version 7, in the order in which they were made, and random at the end."""

from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.domain.ids import parse_uuid
from app.store import ids
from app.store.ids import new_id


def milliseconds(made: str) -> int:
    return uuid.UUID(made).int >> 80


def test_an_id_is_a_uuid_of_version_7() -> None:
    for made in (new_id() for _ in range(200)):
        parsed = uuid.UUID(made)
        assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
        assert parse_uuid(made) == str(parsed) == made


def test_an_id_begins_with_the_time() -> None:
    before = time.time_ns() // 1_000_000
    made = new_id()
    assert before <= milliseconds(made) <= time.time_ns() // 1_000_000 + 1


def test_ids_are_in_their_order_across_threads() -> None:
    def several(_: int) -> list[str]:
        return [new_id() for _ in range(500)]

    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(several, range(8)))
    assert all(run == sorted(run) for run in runs)
    assert len({made for run in runs for made in run}) == 4000


@pytest.mark.parametrize("moments", [[5, 5, 5], [5, 3, 4], [5, 10**9, 7]], ids=str)
def test_a_clock_that_stands_or_goes_back(
    moments: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    start = time.time_ns() + 10**12
    clock = iter([start + moment for moment in moments])
    monkeypatch.setattr(ids, "_last", 0)
    monkeypatch.setattr(time, "time_ns", lambda: next(clock))
    made = [new_id() for _ in moments]
    assert made == sorted(made)
    assert len({each[:18] for each in made}) == len(made)


def test_the_fraction_of_a_millisecond_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids, "_last", 0)
    monkeypatch.setattr(time, "time_ns", lambda: 7_999_999)
    made = uuid.UUID(new_id())
    assert made.int >> 80 == 7
    assert made.int >> 64 & 0xFFF == 4095


def test_the_rest_is_random() -> None:
    """Every one of its 62 bits is on and off."""
    ends = [uuid.UUID(new_id()).int & (1 << 62) - 1 for _ in range(200)]
    on, off = 0, 0
    for end in ends:
        on |= end
        off |= ~end
    assert on & off & (1 << 62) - 1 == (1 << 62) - 1
