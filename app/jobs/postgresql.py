"""Durable jobs on PostgreSQL: Procrastinate's tables, queries and worker.

Two parts are our own. One is a statement that enqueues in the caller's transaction. The other is
the worker's thread and event loop, which restart after a failure of the database. All jobs are one
Procrastinate task; the key is its ``queueing_lock``. https://procrastinate.readthedocs.io/

Two of Procrastinate's rules need care:

- A waiting job blocks all later ones of its ``lock``, even if its own time is days away. Only a
  higher priority passes it. So the priority is the due time: the earlier, the higher.
- A retry of a job breaks a unique index while another job of its key waits. So a job that has to
  run again is enqueued again, which merges with the waiting one, and then ends.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, cast

import procrastinate
import psycopg
import sqlalchemy as sa
from procrastinate import PsycopgConnector
from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.job_context import JobContext, JobResult
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager
from procrastinate.retry import RetryDecision
from procrastinate.schema import SchemaManager
from procrastinate.worker import Worker
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from sqlalchemy.engine import Connection

from app.jobs.base import LEASE, WORKERS, Handler, run
from app.jobs.foreground import GiveWay, never
from app.jobs.serving_thread import ServingThread
from app.net.threads import in_thread
from app.store.engine import Store
from app.store.postgresql import JOB_SECONDS, BoundedAsyncConnection, limit_session, network
from app.store.prepared import Prepared
from providers.common.json_types import JsonObject

QUEUE = "patchbay"
TASK = "patchbay.job"
# Seconds between two looks for due jobs. NOTIFY announces new jobs, but no delayed ones.
POLL = 0.25

log = logging.getLogger(__name__)
# Procrastinate logs every job at INFO, and a database that fails with a traceback for each.
logging.getLogger("procrastinate").setLevel(logging.CRITICAL)
logging.getLogger("psycopg").setLevel(logging.CRITICAL)

# Priority counts seconds from 2020 downwards, and fits 32 bits until 2088. The notification is for
# jobs that waited already. The worker skips a row that this transaction locks, and Procrastinate's
# trigger announces inserts only.
_ENQUEUE = Prepared(
    sa.text(
        """
    WITH job AS (
        INSERT INTO procrastinate_jobs
            (queue_name, task_name, priority, lock, queueing_lock, args, scheduled_at)
        SELECT :queue, :task, 1577836800 - floor(extract(epoch FROM due))::int, :lock, :key,
            cast(:args AS jsonb), due
        FROM (SELECT clock_timestamp() + make_interval(secs => :delay) AS due) AS times
        ON CONFLICT (queueing_lock) WHERE status = 'todo' DO UPDATE SET
            args = CASE WHEN :again THEN procrastinate_jobs.args ELSE excluded.args END,
            priority = greatest(procrastinate_jobs.priority, excluded.priority),
            scheduled_at = least(procrastinate_jobs.scheduled_at, excluded.scheduled_at)
        RETURNING id
    )
    SELECT pg_notify(
        'procrastinate_queue_v1#' || :queue,
        json_build_object('type', 'job_inserted', 'job_id', id)::text
    ) FROM job
    """
    )
)
_CANCEL = Prepared(
    sa.text(
        """
    SELECT procrastinate_cancel_job_v1(id, false, true) FROM procrastinate_jobs
    WHERE queueing_lock = :key AND status = 'todo'
    """
    )
)
_INSTALLED = sa.text("SELECT to_regclass('procrastinate_jobs')")
_IN_TURN = sa.text("SELECT pg_advisory_xact_lock(hashtext('patchbay.install'))")
_MY_TURN = "SELECT pg_try_advisory_xact_lock(hashtext('patchbay.rescue'))"
_STILL_OURS = """
    SELECT id FROM procrastinate_jobs WHERE id = ANY(%s) AND status = 'doing' AND worker_id = %s
"""
# Each run of a job has its own number of attempts. One that ends late must not touch the next.
_FINISH = """
    DELETE FROM procrastinate_jobs USING unnest(%(ids)s::bigint[], %(attempts)s::int[]) AS run (job, n)
    WHERE id = job AND attempts = n AND status = 'doing'
"""
_RETRY = """
    SELECT procrastinate_retry_job_v2(id, %(at)s, %(priority)s, %(queue)s, %(lock)s) FROM (
        SELECT id FROM procrastinate_jobs
        WHERE id = %(id)s AND attempts = %(attempts)s AND status = 'doing'
        FOR UPDATE
    ) AS run
"""
# For the one case in which our task raises: the next run could not be stored.
_AGAIN = procrastinate.RetryStrategy(wait=5)


class _BoundedPool(AsyncConnectionPool[BoundedAsyncConnection]):
    """A pool whose start has an end: the worker's thread then begins anew."""

    async def open(
        self,
        wait: bool = False,
        timeout: float = JOB_SECONDS,  # noqa: ASYNC109 - the library's
    ) -> None:
        await super().open(wait, timeout)


class RunManager(JobManager):
    """Ends a run of a job, and not the next one: that may have new work of the key.

    Another process has freed the job when this one had no heartbeat for a lease.
    """

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        """Delete the job, whatever its end was."""
        await self.finish_jobs([job])

    async def finish_jobs(self, jobs: Sequence[Job]) -> None:
        """Delete those of these jobs whose run is still this one."""
        if jobs:
            ids, attempts = [job.id for job in jobs], [job.attempts for job in jobs]
            await self.connector.execute_query_async(_FINISH, ids=ids, attempts=attempts)

    async def retry_job(
        self,
        job: Job,
        retry_at: datetime | None = None,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        """Let the job run once more, if its run is still this one."""
        run = {"id": job.id, "attempts": job.attempts, "at": retry_at or datetime.now(UTC)}
        await self.connector.execute_query_async(
            _RETRY, **run, priority=priority, queue=queue, lock=lock
        )


class _Worker(Worker):
    """A worker that says when it begins to end. It then waits for the jobs that it runs.

    A job that cannot run again, because one of its key waits, ends.
    """

    def __init__(self, ending: Callable[[], None], **options: Any) -> None:
        super().__init__(**options)
        self._ending = ending
        self.unwritten: list[Job] = []
        """Jobs whose next run could not be stored. This worker's heartbeat keeps their leases."""

    async def _shutdown(self, side_tasks: list[asyncio.Task[Any]]) -> None:
        self._ending()
        await super()._shutdown(side_tasks)

    async def _persist_job_status(
        self,
        job: Job,
        status: Status,
        retry_decision: RetryDecision | None,
        context: JobContext,
        job_result: JobResult | None,
    ) -> None:
        try:
            await super()._persist_job_status(job, status, retry_decision, context, job_result)
        except UniqueViolation:  # its own next run, if the answer of that commit was lost
            await self.app.job_manager.finish_job(job, Status.FAILED, delete_job=True)
        except Exception:
            if retry_decision:
                self.unwritten.append(job)
            raise


class ProcrastinateJobs:
    """``Jobs`` on Procrastinate."""

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
        self._lease = lease
        self._thread = ServingThread(store, "jobs", self._serve, lambda: self._cancel())
        self._stopping = self._thread.stopping
        self._cancel: Callable[[], None] = lambda: None
        self._ended: list[Job] = []  # since the last look
        self._left: list[Job] = []  # before it: their rows must be gone by now

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
        args = {"kind": kind, "payload": dict(payload), "failures": 0}
        _put(conn, key, args, delay, lock or key)

    def cancel(self, conn: Connection, key: str) -> None:
        _CANCEL.put(conn, {"key": key})

    def install(self) -> None:
        """Create Procrastinate's tables and functions. Concurrent processes wait for each other."""
        with self._store.write() as conn:
            conn.execute(_IN_TURN)
            if conn.execute(_INSTALLED).scalar() is None:
                driver: Any = conn.connection.driver_connection  # many statements, no parameters
                driver.execute(SchemaManager.get_schema())

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        self._thread.stop(timeout)

    # ------------------------------------------------------------------ the worker's thread

    def _serve(self) -> None:
        """Run workers one after the other: Procrastinate's worker ends when the database fails.

        It ends only with its running jobs, which may be long. So the next one works beside it.
        """
        threads = list[threading.Thread]()
        while not self._stopping.is_set():
            ends = threading.Event()
            threads = [each for each in threads if each.is_alive()]
            threads.append(threading.Thread(target=self._serve_once, args=(ends,), daemon=True))
            threads[-1].start()
            ends.wait()
            self._stopping.wait(1.0)
        for thread in threads:
            thread.join()

    def _serve_once(self, ends: threading.Event) -> None:
        """Run one worker. ``ends`` is set as soon as it takes no more jobs."""
        try:
            asyncio.run(self._work(ends))
        except asyncio.CancelledError:
            return
        except Exception as error:
            if not ends.is_set():
                self._tell_of_worker(error)
        finally:
            ends.set()

    async def _work(self, ends: threading.Event) -> None:
        self._let_be_cancelled()
        connector = _connector(self._store)
        app = procrastinate.App(connector=connector)
        manager = app.job_manager = RunManager(connector)
        app.task(name=TASK, queue=QUEUE, pass_context=True, retry=_AGAIN)(self._job)
        async with app.open_async():

            def ending() -> None:
                rescue.cancel()
                if isinstance(error := sys.exc_info()[1], Exception):
                    self._tell_of_worker(error)
                ends.set()

            worker = _Worker(
                ending,
                app=app,
                queues=[QUEUE],
                concurrency=self._workers,
                fetch_job_polling_interval=POLL,
                install_signal_handlers=False,
                delete_jobs="always",
                shutdown_graceful_timeout=self._lease,
                update_heartbeat_interval=self._lease / 3,
                stalled_worker_timeout=self._lease,
            )
            rescue = asyncio.create_task(self._rescue_for_ever(worker, manager, connector.pool))
            try:
                await worker.run()  # type: ignore[no-untyped-call]
            finally:
                rescue.cancel()

    def _tell_of_worker(self, error: Exception) -> None:
        self._tell(error, "the job worker stumbled and starts again in a second")

    def _tell(self, error: Exception, sentence: str) -> None:
        """Of a failed database there is one line for many failures."""
        cause = error.__cause__ or error
        mistake = isinstance(cause, psycopg.ProgrammingError | psycopg.DataError)
        if isinstance(cause, psycopg.Error | PoolTimeout | ConnectorException) and not mistake:
            self._store.outage.note(cause)
        else:
            log.error(sentence, exc_info=error)

    def _let_be_cancelled(self) -> None:
        loop, main = asyncio.get_running_loop(), asyncio.current_task()

        def cancel() -> None:
            if main and not loop.is_closed():
                loop.call_soon_threadsafe(main.cancel)

        self._cancel = cancel
        if self._stopping.is_set():  # ``stop`` was called before there was a task to cancel
            cancel()

    # ------------------------------------------------------------------ one job

    async def _job(self, context: JobContext, kind: str, payload: Any, failures: int) -> None:
        """Procrastinate's task. Raises only when the next run could not be stored."""
        work = partial(self._run, context.job, kind, payload, failures)
        await asyncio.wrap_future(in_thread(work, "job"))

    def _run(self, job: Job, kind: str, payload: Any, failures: int) -> None:
        self._give_way()
        result = run(self._handlers, kind, payload, failures)
        if result.delay is not None:
            failures = failures + 1 if result.error else 0
            args = {"kind": kind, "payload": payload, "failures": failures}
            key, lock = str(job.queueing_lock), str(job.lock)
            with self._store.write() as conn:
                _put(conn, key, args, result.delay, lock, again=True)
        self._ended.append(job)  # also of a worker that did not wait for it

    # ------------------------------------------------------------------ what crashes leave behind

    async def _rescue_for_ever(
        self, worker: _Worker, manager: RunManager, pool: AsyncConnectionPool
    ) -> None:
        while True:
            try:
                await self._clear(manager)
                await _run_again(worker, pool)
                await self._rescue(manager, pool)
            except Exception as error:
                self._tell(error, "looking after stalled jobs failed; again in a moment")
            await asyncio.sleep(self._lease / 6)

    async def _clear(self, manager: RunManager) -> None:
        """Finish jobs whose end could not be stored, because the database was away."""
        await manager.finish_jobs(self._left)
        self._left, self._ended = self._ended, []

    async def _rescue(self, manager: JobManager, pool: AsyncConnectionPool) -> None:
        """Make the jobs of dead processes run again.

        The transaction with the advisory lock must not touch a table. A migration that waits for
        that table would wait for it, and the manager's connections for the migration.
        """
        async with pool.connection() as conn:
            mine = await (await conn.execute(_MY_TURN)).fetchone()
            if not mine or not mine[0]:
                return  # another process does it, and two could run a job twice
            stalled = await manager.get_stalled_jobs(
                queue=QUEUE, seconds_since_heartbeat=self._lease
            )
            for job in stalled:
                log.warning("job %s of a process that died runs again", job.queueing_lock)
                await _revive(manager, job)


def _connector(store: Store) -> PsycopgConnector:
    """Procrastinate's connections, with the bounds of ours."""
    url = store.url.set(drivername="postgresql")
    return PsycopgConnector(
        pool_factory=cast("Any", _BoundedPool),  # of our connections
        conninfo=url.render_as_string(hide_password=False),
        kwargs=network(url),
        connection_class=BoundedAsyncConnection,
        configure=limit_session,
        min_size=1,
        max_size=4,
        timeout=JOB_SECONDS,
        reconnect_timeout=JOB_SECONDS,  # its pauses between two attempts grow until then
    )


def _put(
    conn: Connection,
    key: str,
    args: JsonObject,
    delay: float,
    lock: str,
    *,
    again: bool = False,
) -> None:
    """Enqueue. ``again``: the job's own next run, whose payload is older than a waiting job's."""
    values = {"queue": QUEUE, "task": TASK, "key": key, "lock": lock, "again": again}
    _ENQUEUE.put(conn, {**values, "delay": delay, "args": json.dumps(args)})


async def _revive(manager: JobManager, job: Job) -> None:
    try:
        await manager.retry_job(job)
    except UniqueViolation:  # enqueued again since
        await manager.finish_job(job, Status.FAILED, delete_job=True)


async def _run_again(worker: _Worker, pool: AsyncConnectionPool) -> None:
    """Store the next runs of jobs, as soon as the database takes them."""
    unwritten = {job.id: job for job in worker.unwritten}
    if not unwritten:
        return
    async with pool.connection() as conn:
        asked = [list(unwritten), worker.worker_id]
        rows = await (await conn.execute(_STILL_OURS, asked)).fetchall()
    for (job_id,) in rows:
        await _revive(worker.app.job_manager, unwritten[job_id])
    worker.unwritten = [job for job in worker.unwritten if job.id not in unwritten]
