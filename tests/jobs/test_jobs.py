"""What ``app/jobs/base.py`` promises, on whichever engine the store has.

No test looks at a clock: each waits for what must happen, and where something must *not*
happen it waits for a later job of the same engine that proves the moment has passed.
"""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from procrastinate.exceptions import ConnectorException
from sqlalchemy.engine import Connection

from app.jobs.base import LONGEST_BACKOFF, Handler, Jobs, backoff
from app.jobs.factory import open_jobs
from app.jobs.postgresql import RunManager
from app.net import threads
from app.store.engine import Store
from app.store.faults import TimedOut
from app.store.schema import jobs as jobs_table
from tests.store.lost_answer import lose_one_answer

PATIENCE = 30.0
ROOT = Path(__file__).parents[2]


class Diary:
    """Handlers that write down their runs, and can be held up in the middle."""

    def __init__(self) -> None:
        self.handlers: dict[str, Handler] = {"note": self.note, "gate": self.gate}
        self.runs: list[str] = []
        self.answers: dict[str, list[float | Exception | None]] = {}
        self.open = threading.Event()
        self.together = 0
        self.most_together = 0
        self._changed = threading.Condition()

    def note(self, payload: Mapping[str, Any]) -> float | None:
        """Write it down; answer as told."""
        name = str(payload["name"])
        with self._changed:
            self.runs.append(name)
            self._changed.notify_all()
            answers = self.answers.get(name)
            answer = answers.pop(0) if answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer

    def gate(self, payload: Mapping[str, Any]) -> float | None:
        """Write it down, and stay until the gate is opened."""
        with self._changed:
            self.together += 1
            self.most_together = max(self.most_together, self.together)
        answer = self.note(payload)
        assert self.open.wait(PATIENCE)
        with self._changed:
            self.together -= 1
        return answer

    def wait(self, count: int, name: str | None = None) -> list[str]:
        def enough() -> bool:
            return len(self.of(name)) >= count

        with self._changed:
            assert self._changed.wait_for(enough, PATIENCE), f"{self.runs}, not {count} of {name}"
            return list(self.runs)

    def of(self, name: str | None) -> list[str]:
        return [run for run in self.runs if name is None or run == name]


@pytest.fixture
def diary() -> Iterator[Diary]:
    kept = Diary()
    yield kept
    kept.open.set()


@contextmanager
def running(store: Store, diary: Diary, **options: Any) -> Iterator[Jobs]:
    jobs = open_jobs(store, diary.handlers, **options)
    jobs.start()
    try:
        yield jobs
    finally:
        diary.open.set()
        jobs.stop()


@pytest.fixture
def jobs(store: Store, diary: Diary) -> Iterator[Jobs]:
    with running(store, diary) as started:
        yield started


def put(
    store: Store, jobs: Jobs, name: str, *, kind: str = "note", key: str | None = None, **more: Any
) -> None:
    with store.write() as conn:
        jobs.enqueue(conn, kind, key or name, {"name": name}, **more)


def test_a_committed_job_runs(store: Store, jobs: Jobs, diary: Diary) -> None:
    put(store, jobs, "a")
    assert diary.wait(1) == ["a"]


def test_each_job_gives_way_before_it_runs(store: Store, diary: Diary) -> None:
    """Its thread waits for the foreground, in no transaction."""
    asked, free = threading.Event(), threading.Event()

    def give_way() -> None:
        asked.set()
        assert free.wait(PATIENCE)

    with running(store, diary, give_way=give_way) as jobs:
        put(store, jobs, "a")
        assert asked.wait(PATIENCE)
        put(store, jobs, "b", kind="note")  # a writer is not held up
        assert diary.of(None) == []
        free.set()
        assert sorted(diary.wait(2)) == ["a", "b"]


def test_a_job_waits_for_somebody_to_run_it(store: Store, diary: Diary) -> None:
    put(store, open_jobs(store, {}), "a")
    with running(store, diary):
        assert diary.wait(1) == ["a"]


def test_nothing_of_a_rolled_back_transaction_runs(store: Store, jobs: Jobs, diary: Diary) -> None:
    def fail() -> None:
        with store.write() as conn:
            jobs.enqueue(conn, "note", "lost", {"name": "lost"})
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    put(store, jobs, "later")
    assert diary.wait(1) == ["later"]


def test_another_process_s_job_runs(store: Store, diary: Diary) -> None:
    """The engine looks by itself: with leases this long nothing else would make it."""
    other = Store(store.url.render_as_string(hide_password=False))
    with running(store, diary, lease=36_000.0) as jobs:
        put(store, jobs, "a")
        diary.wait(1)
        put(other, open_jobs(other, {}), "b")
        assert diary.wait(2) == ["a", "b"]
    other.close()


def test_handlers_may_be_filled_in_later(store: Store, diary: Diary) -> None:
    handlers: dict[str, Handler] = {}
    jobs = open_jobs(store, handlers)
    handlers.update(diary.handlers)
    jobs.start()
    put(store, jobs, "a")
    diary.wait(1)
    jobs.stop()


def test_a_payload_comes_as_it_went(store: Store, diary: Diary) -> None:
    payload = {"text": "ü \N{SNOWMAN} \"'%:", "list": [1, 2.5, None, True], "in": {"x": {}}}
    came: list[Any] = []
    done = threading.Event()

    def keep(payload: Mapping[str, Any]) -> None:
        came.append(payload)
        done.set()

    diary.handlers["keep"] = keep
    with running(store, diary) as jobs:
        with store.write() as conn:
            jobs.enqueue(conn, "keep", "k", payload)
        assert done.wait(PATIENCE)
    assert came == [payload]


class TestDelay:
    def test_a_delayed_job_runs_after_one_that_is_due(
        self, store: Store, jobs: Jobs, diary: Diary
    ) -> None:
        put(store, jobs, "in a second", delay=1.0)
        put(store, jobs, "now")
        assert diary.wait(2) == ["now", "in a second"]

    def test_the_order_is_that_of_the_times(self, store: Store, diary: Diary) -> None:
        waiting = open_jobs(store, {})
        for delay in (2.2, 0.1, 1.1):
            put(store, waiting, str(delay), delay=delay)
        with running(store, diary):
            assert diary.wait(3) == ["0.1", "1.1", "2.2"]

    def test_a_handler_s_seconds_are_the_next_run(
        self, store: Store, jobs: Jobs, diary: Diary
    ) -> None:
        diary.answers["a"] = [0.0, 0.3, None]
        put(store, jobs, "a")
        assert diary.wait(3) == ["a", "a", "a"]
        put(store, jobs, "last", delay=0.5)
        assert diary.wait(4) == ["a", "a", "a", "last"]

    def test_days_ahead_stay_there(self, store: Store, jobs: Jobs, diary: Diary) -> None:
        put(store, jobs, "in a week", delay=7 * 86400.0)
        put(store, jobs, "soon", delay=0.5)
        assert diary.wait(1) == ["soon"]


class TestOneJobPerKey:
    def test_the_earlier_time_holds(self, store: Store, jobs: Jobs, diary: Diary) -> None:
        put(store, jobs, "a", delay=3600.0)
        put(store, jobs, "a", delay=0.0)
        assert diary.wait(1) == ["a"]
        put(store, jobs, "b", delay=0.3)
        put(store, jobs, "b", delay=3600.0)
        assert diary.wait(2) == ["a", "b"]

    def test_the_newer_payload_holds(self, store: Store, diary: Diary) -> None:
        waiting = open_jobs(store, {})
        put(store, waiting, "older", key="k")
        put(store, waiting, "newer", key="k")
        with running(store, diary) as jobs:
            put(store, jobs, "last", delay=0.5)
            assert diary.wait(2) == ["newer", "last"]

    def test_twice_in_one_transaction_is_once(self, store: Store, jobs: Jobs, diary: Diary) -> None:
        with store.write() as conn:
            jobs.enqueue(conn, "note", "a", {"name": "a"})
            jobs.enqueue(conn, "note", "a", {"name": "a"})
        put(store, jobs, "last", delay=0.5)
        assert diary.wait(2) == ["a", "last"]

    def test_enqueued_while_it_runs_it_runs_once_more(
        self, store: Store, jobs: Jobs, diary: Diary
    ) -> None:
        put(store, jobs, "first", kind="gate", key="k")
        diary.wait(1)
        put(store, jobs, "second", kind="gate", key="k")
        put(store, jobs, "third", kind="gate", key="k")
        put(store, jobs, "elsewhere", delay=0.5)
        assert diary.wait(2) == ["first", "elsewhere"]
        diary.open.set()
        assert diary.wait(3) == ["first", "elsewhere", "third"]
        assert diary.most_together == 1

    def test_again_and_a_later_time_merge(self, store: Store, jobs: Jobs, diary: Diary) -> None:
        diary.answers["first"] = [3600.0]
        put(store, jobs, "first", kind="gate", key="k")
        diary.wait(1)
        put(store, jobs, "second", kind="gate", key="k")
        diary.open.set()
        assert diary.wait(2) == ["first", "second"]

    def test_a_handler_may_enqueue_its_own_key(self, store: Store, diary: Diary) -> None:
        with running(store, diary) as jobs:
            left = ["2", "1"]

            def chain(payload: Mapping[str, Any]) -> float | None:
                diary.note(payload)
                if left:
                    put(store, jobs, left.pop(), kind="chain", key="k")
                return None

            diary.handlers["chain"] = chain
            put(store, jobs, "0", kind="chain", key="k")
            assert diary.wait(3) == ["0", "1", "2"]

    def test_many_at_once(self, store: Store, jobs: Jobs, diary: Diary) -> None:
        """Eight threads enqueue one key: no error, and a run after the last of them."""
        start = threading.Barrier(8)
        failed: list[Exception] = []

        def enqueue() -> None:
            start.wait()
            try:
                for _ in range(10):
                    put(store, jobs, "a", key="k")
            except Exception as error:
                failed.append(error)

        threads = [threading.Thread(target=enqueue) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        put(store, jobs, "last", key="k")
        diary.wait(1, "last")
        assert not failed


class TestCancel:
    def test_a_waiting_job_is_gone(self, store: Store, jobs: Jobs, diary: Diary) -> None:
        put(store, jobs, "a", delay=0.3)
        with store.write() as conn:
            jobs.cancel(conn, "a")
        put(store, jobs, "later", delay=0.6)
        assert diary.wait(1) == ["later"]

    def test_what_is_not_there_may_be_cancelled(
        self, store: Store, jobs: Jobs, diary: Diary
    ) -> None:
        with store.write() as conn:
            jobs.cancel(conn, "nothing")
        put(store, jobs, "a")
        assert diary.wait(1) == ["a"]

    def test_it_is_part_of_the_transaction(self, store: Store, jobs: Jobs, diary: Diary) -> None:
        def fail() -> None:
            with store.write() as conn:
                jobs.cancel(conn, "a")
                raise LookupError

        put(store, jobs, "a", delay=0.3)
        with pytest.raises(LookupError):
            fail()
        assert diary.wait(1) == ["a"]

    def test_a_key_may_come_again(self, store: Store, jobs: Jobs, diary: Diary) -> None:
        with store.write() as conn:
            jobs.enqueue(conn, "note", "k", {"name": "cancelled"})
            jobs.cancel(conn, "k")
            jobs.enqueue(conn, "note", "k", {"name": "again"})
        assert diary.wait(1) == ["again"]

    def test_a_running_job_loses_its_next_run_only(
        self, store: Store, jobs: Jobs, diary: Diary
    ) -> None:
        put(store, jobs, "a", kind="gate", key="k")
        diary.wait(1)
        put(store, jobs, "again", kind="gate", key="k")
        with store.write() as conn:
            jobs.cancel(conn, "k")
        diary.open.set()
        put(store, jobs, "later", delay=0.6)
        assert diary.wait(2) == ["a", "later"]


class TestLock:
    def test_one_at_a_time(self, store: Store, diary: Diary) -> None:
        waiting = open_jobs(store, {})
        for name in "abcde":
            put(store, waiting, name, kind="gate", lock="call")
        put(store, waiting, "free", delay=0.5)
        with running(store, diary):
            diary.wait(1, "free")
            assert len(diary.runs) == 2
            diary.open.set()
            assert sorted(diary.wait(6)) == ["a", "b", "c", "d", "e", "free"]
        assert diary.most_together == 1

    def test_no_lock_is_no_lock(self, store: Store, jobs: Jobs, diary: Diary) -> None:
        for name in "abc":
            put(store, jobs, name, kind="gate")
        diary.wait(3)
        assert diary.most_together == 3

    def test_a_job_that_waits_for_its_time_holds_no_lock(
        self, store: Store, jobs: Jobs, diary: Diary
    ) -> None:
        """A call's max-duration timer comes first and must not keep the rest of the call waiting."""
        put(store, jobs, "in an hour", delay=3600.0, lock="call")
        put(store, jobs, "in a second", delay=1.0, lock="call")
        put(store, jobs, "now", lock="call")
        assert diary.wait(2) == ["now", "in a second"]

    def test_a_job_that_runs_again_later_holds_no_lock(
        self, store: Store, jobs: Jobs, diary: Diary
    ) -> None:
        diary.answers["a"] = [3600.0]
        put(store, jobs, "a", lock="call")
        diary.wait(1)
        put(store, jobs, "b", lock="call")
        assert diary.wait(2) == ["a", "b"]


class TestFailure:
    def test_it_runs_again(self, store: Store, jobs: Jobs, diary: Diary) -> None:
        diary.answers["a"] = [ValueError("first"), None]
        put(store, jobs, "a")
        assert diary.wait(2) == ["a", "a"]

    def test_an_unknown_kind_waits_for_a_newer_program(
        self, store: Store, jobs: Jobs, diary: Diary
    ) -> None:
        put(store, jobs, "a", kind="unheard of")
        put(store, jobs, "b")
        diary.wait(1)
        diary.handlers["unheard of"] = diary.note
        assert sorted(diary.wait(2)) == ["a", "b"]

    def test_others_go_on(self, store: Store, jobs: Jobs, diary: Diary) -> None:
        diary.answers["bad"] = [ValueError("no")] * 5
        put(store, jobs, "bad", lock="call")
        diary.wait(1)
        put(store, jobs, "good", lock="call")
        diary.wait(1, "good")

    @pytest.mark.parametrize(
        ("failures", "seconds"),
        [
            (0, 1.0),  # the first
            (1, 2.0),
            (5, 32.0),
            (6, LONGEST_BACKOFF),
            (10_000, LONGEST_BACKOFF),  # no overflow after days of failing
        ],
    )
    def test_backoff(self, failures: int, seconds: float) -> None:
        assert backoff(failures) == seconds


class TestStartAndStop:
    def test_stop_waits_for_what_runs(self, store: Store, diary: Diary) -> None:
        jobs = open_jobs(store, diary.handlers)
        jobs.start()
        put(store, jobs, "a", kind="gate")
        diary.wait(1)
        stopper = threading.Thread(target=jobs.stop)
        stopper.start()
        put(store, jobs, "after")
        diary.open.set()
        stopper.join(PATIENCE)
        assert not stopper.is_alive()
        assert diary.runs[0] == "a"
        assert diary.together == 0

    def test_stop_gives_up_on_what_does_not_end(self, store: Store, diary: Diary) -> None:
        jobs = open_jobs(store, diary.handlers)
        jobs.start()
        put(store, jobs, "a", kind="gate")
        diary.wait(1)
        jobs.stop(timeout=0.1)
        assert diary.together == 1

    def test_stop_without_start(self, store: Store) -> None:
        open_jobs(store, {}).stop()

    def test_start_again(self, store: Store, diary: Diary) -> None:
        jobs = open_jobs(store, diary.handlers)
        for count in (1, 2):
            jobs.start()
            put(store, jobs, "a")
            diary.wait(count)
            jobs.stop()

    def test_the_next_takes_over(self, store: Store, diary: Diary) -> None:
        first = open_jobs(store, diary.handlers)
        first.start()
        put(store, first, "a")
        diary.wait(1)
        with running(store, diary) as second:
            first.stop()
            put(store, second, "b")
            assert diary.wait(2) == ["a", "b"]

    def test_two_engines_run_a_job_once(self, store: Store, diary: Diary) -> None:
        with running(store, diary) as one, running(store, diary):
            for number in range(20):
                put(store, one, str(number))
            diary.wait(20)
            put(store, one, "last", delay=0.6)
            diary.wait(1, "last")
        assert sorted(diary.runs) == sorted([*map(str, range(20)), "last"])

    def test_install_twice(self, store: Store) -> None:
        open_jobs(store, {}).install()


WORKER = """
import sys, threading
from app.jobs.factory import open_jobs
from app.jobs.postgresql import RunManager
from app.store.engine import Store

def hang(payload):
    print("started", flush=True)
    threading.Event().wait()

store = Store(sys.argv[1])
jobs = open_jobs(store, {"note": hang}, lease=1.5)
jobs.start()
print("ready", flush=True)
threading.Event().wait()
"""


@contextmanager
def worker_process(store: Store) -> Iterator[Callable[[str], None]]:
    """Another process that runs jobs and never ends them; yields a wait for a line it prints."""
    url = store.url.render_as_string(hide_password=False)
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, url], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout

    def wait_for(line: str) -> None:
        assert process.stdout
        assert process.stdout.readline().strip() == line

    try:
        yield wait_for
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()


FREED = """
SELECT procrastinate_retry_job_v2(id, now() + interval '1 hour', NULL, NULL, NULL)
FROM procrastinate_jobs WHERE status = 'doing'
"""


class TestCrash:
    def test_a_killed_process_s_job_runs_elsewhere(self, store: Store, diary: Diary) -> None:
        with worker_process(store) as wait_for:
            wait_for("ready")
            put(store, open_jobs(store, {}), "a", lock="call")
            wait_for("started")
        with running(store, diary, lease=1.5) as jobs:
            put(store, jobs, "same lock", lock="call")
            assert sorted(diary.wait(2)) == ["a", "same lock"]

    def test_so_does_one_whose_lease_was_made_before_the_clock_was_put_back(
        self, store: Store, diary: Diary
    ) -> None:
        if not store.is_sqlite:
            return  # it goes by the database's clock
        with worker_process(store) as wait_for:
            wait_for("ready")
            put(store, open_jobs(store, {}), "a", lock="call")
            wait_for("started")
        with store.write() as conn:
            until = datetime.now(UTC) + timedelta(hours=1)
            conn.execute(jobs_table.update().values(leased_until=until))
        with running(store, diary, lease=1.5) as jobs:
            put(store, jobs, "same lock", lock="call")
            assert sorted(diary.wait(2)) == ["a", "same lock"]

    def test_enqueued_again_before_the_kill_it_runs_once(self, store: Store, diary: Diary) -> None:
        with worker_process(store) as wait_for:
            wait_for("ready")
            put(store, open_jobs(store, {}), "first", key="k")
            wait_for("started")
            put(store, open_jobs(store, {}), "second", key="k")
        with running(store, diary, lease=1.5) as jobs:
            diary.wait(1, "second")
            put(store, jobs, "last", delay=0.6)
            diary.wait(1, "last")
        assert diary.runs == ["second", "last"]

    def test_a_process_that_stood_still_does_not_end_what_came_since(
        self, store: Store, diary: Diary
    ) -> None:
        """Another one has freed its job meanwhile, and new work of the key has merged with that."""
        if store.is_sqlite:
            return  # one process runs the jobs
        with running(store, diary) as jobs:
            put(store, jobs, "first", kind="gate", key="k")
            diary.wait(1, "first")
            with store.write() as conn:
                conn.exec_driver_sql(FREED)
            put(store, jobs, "new", kind="gate", key="k", delay=1.0)
            diary.open.set()
            diary.wait(1, "new")

    def test_a_job_longer_than_its_lease_runs_once(self, store: Store, diary: Diary) -> None:
        """Signs of life keep it: two leases pass, as jobs at their ends show."""
        with running(store, diary, lease=1.0) as jobs, running(store, diary, lease=1.0):
            put(store, jobs, "long", kind="gate")
            put(store, jobs, "two leases later", delay=2.0)
            diary.wait(1, "two leases later")
            diary.open.set()
        assert diary.runs == ["long", "two leases later"]


@contextmanager
def jobs_gone(store: Store) -> Iterator[None]:
    """The engine's table is away, as if the database were."""
    table = "jobs" if store.is_sqlite else "procrastinate_jobs"
    with store.write() as conn:
        conn.exec_driver_sql(f"ALTER TABLE {table} RENAME TO jobs_elsewhere")
    yield
    with store.write() as conn:
        conn.exec_driver_sql(f"ALTER TABLE jobs_elsewhere RENAME TO {table}")


class Log(logging.Handler):
    """Waits for one of these words in the log."""

    def __init__(self, *words: str) -> None:
        super().__init__()
        self.words = words
        self.seen = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if any(word in record.getMessage() for word in self.words):
            self.seen.set()


@pytest.fixture
def stumbled() -> Iterator[threading.Event]:
    handler = Log("stumbled", "the database fails")
    logging.getLogger("app").addHandler(handler)
    yield handler.seen
    logging.getLogger("app").removeHandler(handler)


class TestStoreFailure:
    def test_the_engine_goes_on_afterwards(
        self, store: Store, diary: Diary, stumbled: threading.Event
    ) -> None:
        with running(store, diary) as jobs:
            put(store, jobs, "before")
            diary.wait(1)
            with jobs_gone(store):
                assert stumbled.wait(PATIENCE)
            put(store, jobs, "after")
            diary.wait(1, "after")

    def test_a_long_job_lets_others_run_afterwards(
        self, store: Store, diary: Diary, stumbled: threading.Event
    ) -> None:
        """It began before, goes on beside them, and runs once."""
        with running(store, diary) as jobs:
            put(store, jobs, "long", kind="gate")
            diary.wait(1)
            with jobs_gone(store):
                assert stumbled.wait(PATIENCE)
            put(store, jobs, "after")
            diary.wait(1, "after")
            assert diary.together == 1
            put(store, jobs, "later", delay=0.1)
            diary.open.set()
            diary.wait(1, "later")
        assert diary.runs == ["long", "after", "later"]

    def test_a_job_that_ended_meanwhile_holds_no_lock(
        self, store: Store, diary: Diary, stumbled: threading.Event
    ) -> None:
        """Its end could not be written down: it may run again, and others of its lock must."""
        with running(store, diary, lease=1.5) as jobs:
            put(store, jobs, "ends meanwhile", kind="gate", lock="call")
            diary.wait(1)
            with jobs_gone(store):
                diary.open.set()
                assert stumbled.wait(PATIENCE)
            put(store, jobs, "next", lock="call")
            diary.wait(1, "next")

    def test_a_next_run_that_could_not_be_written_down_comes(
        self, store: Store, diary: Diary, stumbled: threading.Event
    ) -> None:
        diary.answers["a"] = [0.1, None]
        with running(store, diary, lease=1.5) as jobs:
            put(store, jobs, "a", kind="gate")
            diary.wait(1)
            with jobs_gone(store):
                diary.open.set()
                assert stumbled.wait(PATIENCE)
            diary.wait(2, "a")

    def test_a_next_run_whose_commit_was_not_answered_holds_no_lock(
        self, store: Store, diary: Diary, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is stored, and its job is told that it is not."""
        lost = lose_one_answer(monkeypatch, store, lambda: diary.runs)
        diary.answers["a"] = [0.1, None]
        with running(store, diary) as jobs:  # with a lease that does not end in time
            put(store, jobs, "a", lock="call")
            diary.wait(2, "a")
            put(store, jobs, "next", lock="call")
            diary.wait(1, "next")
        assert lost

    def test_a_next_run_that_no_statement_could_write_down_comes(
        self, store: Store, diary: Diary, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """All others are answered: the engine goes on, and so does the job's lease."""
        write, retry, failed = store.write, RunManager.retry_job, list[str]()

        def write_unless_first() -> AbstractContextManager[Connection]:
            if diary.runs and not failed:
                failed.append("ours")
                raise TimedOut
            return write()

        async def retry_unless_first(self: RunManager, *job: Any, **more: Any) -> None:
            if len(failed) == 1:
                failed.append("Procrastinate's")
                raise ConnectorException
            await retry(self, *job, **more)

        diary.answers["a"] = [0.1, None]
        with running(store, diary, lease=1.5) as jobs:
            put(store, jobs, "a", lock="call")
            with monkeypatch.context() as failing:
                failing.setattr(store, "write", write_unless_first)
                failing.setattr(RunManager, "retry_job", retry_unless_first)
                diary.wait(2, "a")
            put(store, jobs, "next", lock="call")
            diary.wait(1, "next")
        assert failed
        assert diary.of("a") == ["a", "a"]

    def test_a_job_whose_thread_does_not_start_comes(
        self, store: Store, diary: Diary, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if not store.is_sqlite:
            return  # Procrastinate tries it again
        refused = list[str]()

        def in_thread(*work: Any) -> object:
            if not refused:
                refused.append("a")
                raise RuntimeError("can't start new thread")
            return threads.in_thread(*work)

        monkeypatch.setattr("app.jobs.sqlite.in_thread", in_thread)
        with running(store, diary, lease=1.5) as jobs:
            put(store, jobs, "a")
            diary.wait(1, "a")
        assert refused

    def test_an_end_that_could_not_be_stored_waits_for_the_store_and_not_for_its_lease(
        self, store: Store, diary: Diary, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if not store.is_sqlite:
            return  # there it is asked for six times within a lease
        explains, refused = store.outage.explains, threading.Semaphore(0)

        def told(error: Exception) -> bool:
            if threading.current_thread().name == "job":
                refused.release()
            return explains(error)

        monkeypatch.setattr(store.outage, "explains", told)
        diary.answers["a"] = [0.1, None]
        with running(store, diary, lease=1000.0) as jobs:
            put(store, jobs, "a", kind="gate", lock="call")
            put(store, jobs, "done", kind="gate", lock="another")
            diary.wait(2)
            with jobs_gone(store):
                diary.open.set()
                assert all(refused.acquire(timeout=PATIENCE) for _ in range(2))
            diary.wait(2, "a")
            put(store, jobs, "next", lock="another")
            diary.wait(1, "next")
        assert diary.of("done") == ["done"]
