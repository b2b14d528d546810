"""The thread that fires timers: once, in time, and whatever some of them do."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from app.jobs import timers
from app.jobs.timers import TimerThread
from app.store import calls
from app.store.engine import Store
from tests.fakes.client_server import PATIENCE
from tests.jobs.test_jobs import Log
from tests.store.rows import add_call, add_org

HOUR = timedelta(hours=1)


class Diary:
    """The actions of a test's timers. Each removes its call's timer."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.fired: list[str] = []
        self.put_offs: list[tuple[str, float]] = []
        self.failing: dict[str, int] = {}
        """Call -> how often its action still fails."""
        self._changed = threading.Condition()

    def fire(self, call_id: str) -> bool:
        with self.store.write() as conn:
            row = calls.lock_free(conn, call_id)
            if not row or not row["next_timer_at"] or row["next_timer_at"] > datetime.now(UTC):
                return False
            if self.failing.get(call_id):
                self.failing[call_id] -= 1
                raise ValueError(call_id)
            calls.update(conn, call_id, {"next_timer_at": None})
        with self._changed:
            self.fired.append(call_id)
            self._changed.notify_all()
        return True

    def put_off(self, call_id: str, seconds: float) -> None:
        """Without the wait."""
        self.put_offs.append((call_id, seconds))

    def wait(self, number: int) -> list[str]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.fired) >= number, PATIENCE), self.fired
            return list(self.fired)


@pytest.fixture
def diary(store: Store) -> Diary:
    return Diary(store)


@pytest.fixture
def org(store: Store) -> str:
    with store.write() as conn:
        return add_org(conn)


@pytest.fixture
def thread(store: Store, diary: Diary) -> Iterator[TimerThread]:
    made = TimerThread(store, diary.fire, diary.put_off)
    made.start()
    yield made
    made.stop()


def set_timer(store: Store, org: str, call_id: str, after: timedelta = timedelta()) -> datetime:
    due = datetime.now(UTC) + after
    with store.write() as conn:
        add_call(conn, org, call_id, next_timer_at=due)
    return due


def test_all_that_is_due_fires_and_nothing_else(store: Store, org: str, diary: Diary) -> None:
    for number in range(timers.BATCH + 5):
        set_timer(store, org, f"{number:03}", timedelta(seconds=number) - HOUR)
    set_timer(store, org, "later", HOUR)
    thread = TimerThread(store, diary.fire, diary.put_off)
    thread.start()
    fired = diary.wait(timers.BATCH + 5)
    thread.stop()
    assert sorted(fired) == [f"{number:03}" for number in range(timers.BATCH + 5)]


@pytest.mark.usefixtures("thread")
def test_another_process_s_timer_is_found(store: Store, org: str, diary: Diary) -> None:
    set_timer(store, org, "later", HOUR)
    set_timer(store, org, "of another process")
    assert diary.wait(1) == ["of another process"]


def test_a_commit_here_is_told(
    store: Store, org: str, diary: Diary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without waiting for the next look."""
    monkeypatch.setattr(timers, "POLL", 2 * PATIENCE)
    set_timer(store, org, "first")
    thread = TimerThread(store, diary.fire, diary.put_off)
    thread.start()
    diary.wait(1)
    thread.wake(set_timer(store, org, "second"))
    assert diary.wait(2) == ["first", "second"]
    thread.stop()


def test_it_rests_until_the_next_and_no_longer(
    store: Store, org: str, diary: Diary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timers, "POLL", 2 * PATIENCE)
    set_timer(store, org, "soon", timedelta(seconds=0.3))
    thread = TimerThread(store, diary.fire, diary.put_off)
    thread.start()
    assert diary.wait(1) == ["soon"]
    thread.stop()


@pytest.mark.usefixtures("thread")
def test_a_failing_action_waits_longer_each_time_and_holds_up_nobody(
    store: Store, org: str, diary: Diary
) -> None:
    diary.failing["bad"] = 3
    set_timer(store, org, "bad", -HOUR)
    set_timer(store, org, "good")
    assert sorted(diary.wait(2)) == ["bad", "good"]
    assert diary.put_offs == [("bad", 1.0), ("bad", 2.0), ("bad", 4.0)]
    set_timer(store, org, "another")
    diary.wait(3)
    diary.failing["again"] = 1
    set_timer(store, org, "again")
    diary.wait(4)
    assert diary.put_offs[-1] == ("again", 1.0)


def test_what_cannot_be_put_off_holds_up_nobody(store: Store, org: str, diary: Diary) -> None:
    def fail(call_id: str, seconds: float) -> None:
        raise LookupError

    diary.failing["bad"] = 10**9
    set_timer(store, org, "bad", -HOUR)
    thread = TimerThread(store, diary.fire, fail)
    thread.start()
    set_timer(store, org, "good")
    assert diary.wait(1) == ["good"]
    thread.stop()


def test_two_processes_fire_each_timer_once(store: Store, org: str, diary: Diary) -> None:
    threads = [TimerThread(store, diary.fire, diary.put_off) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(30):
        set_timer(store, org, str(number))
    diary.wait(30)
    for thread in threads:
        thread.stop()
    assert sorted(diary.fired) == sorted(map(str, range(30)))


def test_the_next_takes_over(store: Store, org: str, diary: Diary) -> None:
    first, second = (TimerThread(store, diary.fire, diary.put_off) for _ in range(2))
    first.start()
    set_timer(store, org, "a")
    diary.wait(1)
    second.start()
    first.stop()
    set_timer(store, org, "b")
    assert diary.wait(2) == ["a", "b"]
    second.stop()


@pytest.mark.usefixtures("thread")
def test_it_goes_on_after_the_store_s_failure(store: Store, org: str, diary: Diary) -> None:
    stumbled = Log("stumbled", "the database fails")
    logging.getLogger("app").addHandler(stumbled)
    with store.write() as conn:
        conn.execute(sa.text("ALTER TABLE calls RENAME TO calls_elsewhere"))
    assert stumbled.seen.wait(PATIENCE)
    with store.write() as conn:
        conn.execute(sa.text("ALTER TABLE calls_elsewhere RENAME TO calls"))
    logging.getLogger("app").removeHandler(stumbled)
    set_timer(store, org, "after")
    assert diary.wait(1) == ["after"]


def test_stop_without_start_and_start_again(store: Store, org: str, diary: Diary) -> None:
    thread = TimerThread(store, diary.fire, diary.put_off)
    thread.stop()
    for number in (1, 2):
        thread.start()
        set_timer(store, org, str(number))
        diary.wait(number)
        thread.stop()
