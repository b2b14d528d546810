"""Durable jobs on SQLite: the ``jobs`` table, and one job runner per machine.

Of the processes that share the file, the one that holds ``<file>.jobs.lock`` (flock) runs jobs. The
kernel frees the lock when it dies, and another process takes it within a second. The lease covers
what flock cannot: jobs in the threads of a process that has lost the lock.

A commit in this process wakes the runner. Another process's commit shows in ``PRAGMA
data_version``, which costs microseconds. https://www.sqlite.org/pragma.html#pragma_data_version
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Connection

from app.jobs.base import LEASE, WORKERS, Handler, Result, run
from app.jobs.foreground import GiveWay, never
from app.jobs.serving_thread import ServingThread
from app.net.threads import in_thread
from app.store.engine import Store, after_commit
from app.store.prepared import Prepared
from app.store.schema import jobs
from providers.common.json_types import JsonObject

# Seconds between two looks for another process's commits.
POLL = 0.25

log = logging.getLogger(__name__)

_waiting = jobs.c.leased_until.is_(None)
_running = jobs.alias("running")
_held = sa.select(_running.c.lock).where(
    _running.c.leased_until.is_not(None), _running.c.lock.is_not(None)
)
_free = sa.or_(jobs.c.lock.is_(None), jobs.c.lock.not_in(_held))

_new = sqlite.insert(jobs)
_enqueue = _new.on_conflict_do_update(
    index_elements=[jobs.c.key],
    set_={
        "payload": _new.excluded.payload,
        # A running job's own time is past. The first request for another run sets it anew.
        "due": sa.case(
            (sa.or_(_waiting, jobs.c.again), sa.func.min(jobs.c.due, _new.excluded.due)),
            else_=_new.excluded.due,
        ),
        "again": jobs.c.leased_until.is_not(None),
        "attempts": sa.case((_waiting, 0), else_=jobs.c.attempts),
    },
)
_ENQUEUE = Prepared(
    _enqueue.inline(), ("kind", "key", "lock", "payload", "due", "again", "attempts")
)
_CANCEL = Prepared(jobs.delete().where(jobs.c.key == sa.bindparam("name"), _waiting))
_CANCEL_AGAIN = Prepared(
    jobs.update().where(jobs.c.key == sa.bindparam("name")).values(again=sa.false())
)
_READY = (
    sa.select(jobs)
    .where(_waiting, _free, jobs.c.due <= sa.bindparam("now", type_=jobs.c.due.type))
    .order_by(jobs.c.due, jobs.c.id)
    .limit(sa.bindparam("number"))
)
_NEXT = sa.select(jobs.c.due).where(_waiting, _free).order_by(jobs.c.due).limit(1)


class TableJobs:
    """``Jobs`` on the ``jobs`` table."""

    def __init__(
        self,
        store: Store,
        handlers: Mapping[str, Handler],
        *,
        workers: int = WORKERS,
        lease: float = LEASE,
        give_way: GiveWay = never,
    ) -> None:
        self._store = store
        self._handlers = handlers
        self._workers = workers
        self._give_way = give_way
        self._lease = timedelta(seconds=lease)
        self._wake = threading.Event()
        self._thread = ServingThread(store, "jobs", self._serve, self._wake.set)
        self._stopping = self._thread.stopping
        self._running: set[int] = set()  # ids of the jobs in our threads
        self._changed = threading.Condition()  # guards it
        self._unstored: deque[tuple[sa.Row[Any], Result]] = deque()  # ended, with the store away
        self._renew_at = 0.0

    def enqueue(
        self,
        conn: Connection,
        kind: str,
        key: str,
        payload: JsonObject,
        *,
        delay: float = 0.0,
        lock: str | None = None,
    ) -> None:
        due = _now() + timedelta(seconds=delay)
        values = {"kind": kind, "key": key, "lock": lock, "payload": dict(payload)}
        _ENQUEUE.run(conn, {**values, "due": due, "again": False, "attempts": 0})
        after_commit(conn, self._wake.set)

    def cancel(self, conn: Connection, key: str) -> None:
        if not _CANCEL.run(conn, {"name": key}):
            _CANCEL_AGAIN.run(conn, {"name": key})

    def install(self) -> None:
        """Do nothing: the table is part of our schema."""

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        until = time.monotonic() + timeout
        self._thread.stop(timeout)
        with self._changed:
            self._changed.wait_for(self._has_ended, max(0.0, until - time.monotonic()))

    def _has_ended(self) -> bool:
        return len(self._running) <= len(self._unstored)

    # ------------------------------------------------------------------ the runner's thread

    def _serve(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._store.read() as watch:
                    self._turn(watch)
            except Exception as error:
                if not self._store.outage.explains(error):
                    log.exception("the job engine stumbled and goes on in a second")
                self._stopping.wait(1.0)

    def _turn(self, watch: Connection) -> None:
        self._wake.clear()  # before the look: a later commit wakes us again
        version = _version(watch)
        self._store_ends()
        self._renew()
        if not self._claim():
            self._rest(watch, version)

    def _rest(self, watch: Connection, version: int) -> None:
        """Wait for a wake-up, the next job's time, the leases' renewal, or a commit elsewhere."""
        until = time.monotonic() + self._left()
        while not self._wake.wait(min(POLL, max(0.0, until - time.monotonic()))):
            late = self._stopping.is_set() or time.monotonic() >= until
            if late or _version(watch) != version:
                return

    def _left(self) -> float:
        """Seconds until the next look, at most."""
        renewal = self._renew_at - time.monotonic()
        if not self._vacant():
            return renewal
        with self._store.read() as conn:
            due = conn.execute(_NEXT).scalar()
        return min(renewal, (due - _now()).total_seconds()) if due else renewal

    def _claim(self) -> bool:
        """Start due jobs, as far as there are workers. Returns whether there were any."""
        wanted = {"now": _now(), "number": self._vacant()}
        with self._store.read() as conn:
            found = wanted["number"] and conn.execute(_READY, wanted).first()
        if not found:
            return False
        with self._store.write() as conn:
            claimed = _one_per_lock(conn.execute(_READY, wanted).all())
            chosen = jobs.c.id.in_([job.id for job in claimed])
            conn.execute(jobs.update().where(chosen).values(leased_until=_now() + self._lease))
        for job in claimed:
            self._start(job)
        return True

    def _start(self, job: sa.Row[Any]) -> None:
        """Run a job that is leased. One without a thread runs again when its lease ends."""
        with self._changed:
            self._running.add(job.id)
        try:
            in_thread(partial(self._work, job), "job")
        except BaseException:
            self._end(job)
            raise

    def _renew(self) -> None:
        """Renew the leases of our running jobs, and free jobs whose lease is over.

        One that is longer than a lease was made before the clock was set back.
        """
        if time.monotonic() < self._renew_at:
            return
        now = _now()
        own = jobs.c.id.in_(self._here())
        is_over = sa.or_(jobs.c.leased_until <= now, jobs.c.leased_until > now + self._lease)
        over = sa.and_(is_over, sa.not_(own))
        with self._store.write() as conn:
            conn.execute(jobs.update().where(own).values(leased_until=now + self._lease))
            freed = conn.execute(
                jobs.update().where(over).values(leased_until=None, again=False, due=now)
            )
        if freed.rowcount:
            log.warning("%d jobs of a process that died run again", freed.rowcount)
        self._renew_at = time.monotonic() + self._lease.total_seconds() / 6

    def _vacant(self) -> int:
        return 0 if self._stopping.is_set() else self._workers - len(self._running)

    def _here(self) -> list[int]:
        with self._changed:
            return list(self._running)

    # ------------------------------------------------------------------ a job's thread

    def _work(self, job: sa.Row[Any]) -> None:
        self._give_way()
        result = run(self._handlers, job.kind, job.payload, job.attempts)
        try:
            with self._store.write() as conn:
                _finish(conn, job, result)
        except Exception as error:
            if self._is_kept(job, error):
                self._unstored.append((job, result))
                return
        self._end(job)
        self._wake.set()

    def _store_ends(self) -> None:
        """Store the ends that the store did not take, before any job of their locks is looked for."""
        while self._unstored:
            job, result = self._unstored[0]
            try:
                with self._store.write() as conn:
                    _finish_again(conn, job, result)
            except Exception as error:
                if self._is_kept(job, error):
                    raise
            self._unstored.popleft()
            self._end(job)

    def _is_kept(self, job: sa.Row[Any], error: Exception) -> bool:
        """Whether the end of a job can be stored once the database is back."""
        if self._store.outage.explains(error):
            return True
        log.error("job %s ended but stays leased: it runs again later", job.key, exc_info=error)
        return False

    def _end(self, job: sa.Row[Any]) -> None:
        with self._changed:
            self._running.discard(job.id)
            self._changed.notify_all()


def _finish(conn: Connection, job: sa.Row[Any], result: Result) -> None:
    row = conn.execute(sa.select(jobs).where(jobs.c.id == job.id)).one()
    times = [row.due] if row.again else []
    if result.delay is not None:
        times.append(_now() + timedelta(seconds=result.delay))
    this = jobs.c.id == job.id
    if not times:
        conn.execute(jobs.delete().where(this))
        return
    attempts = job.attempts + 1 if result.error and not row.again else 0
    conn.execute(
        jobs.update()
        .where(this)
        .values(
            due=min(times), leased_until=None, again=False, attempts=attempts, error=result.error
        )
    )


def _finish_again(conn: Connection, job: sa.Row[Any], result: Result) -> None:
    """``_finish``, unless it was done by a commit whose answer was lost."""
    row = conn.execute(sa.select(jobs).where(jobs.c.id == job.id)).one_or_none()
    if row is not None and (row.again or row.due == job.due):
        _finish(conn, job, result)


def _one_per_lock(rows: Sequence[sa.Row[Any]]) -> list[sa.Row[Any]]:
    """The first job of each lock. The query leaves out locks that are held already."""
    chosen: dict[str | int, sa.Row[Any]] = {}
    for row in rows:
        chosen.setdefault(row.lock if row.lock is not None else row.id, row)
    return list(chosen.values())


def _version(conn: Connection) -> int:
    """A number that changes when another connection, of any process, has committed."""
    return int(conn.exec_driver_sql("PRAGMA data_version").scalar_one())


def _now() -> datetime:
    return datetime.now(UTC)
