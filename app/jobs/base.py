"""Durable jobs: work that is committed with the event that causes it, and done later.

A table of ours keeps this contract on SQLite (``jobs/sqlite.py``), and Procrastinate on PostgreSQL
(``jobs/postgresql.py``):

- ``enqueue`` is part of the caller's transaction. After a rollback the job never runs. After a
  commit it runs at least once, even after a crash. A killed process's job runs when its lease ends.
- A key is one piece of work: at most one job of a key waits and at most one runs. Enqueued again
  while it waits, the job keeps the earlier time and takes the newer payload. Enqueued while it
  runs, it runs once more afterwards. ``kind`` and ``lock`` belong to the key and never change.
- Two jobs of one ``lock`` never run at the same time. A job that waits for its time holds no
  lock, so a timer of ten minutes blocks no other job.
- A handler returns None when the work is done, or the seconds until the next run. An exception
  is logged, and the job runs again after 1, 2, 4 ... at most 60 seconds, without end. Only the
  handler can decide to give up.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from app.domain.context import JobQueue
from app.store.faults import may_pass
from providers.common.json_types import JsonObject

# The payload in; None (done) or seconds until the next run out.
Handler = Callable[[JsonObject], float | None]

# Jobs that one process runs at a time. They wait for other servers, not for the processor.
WORKERS = 16

# A process without a heartbeat for so many seconds counts as dead, and its jobs run again.
LEASE = 30.0

LONGEST_BACKOFF = 60.0

log = logging.getLogger(__name__)


class Jobs(JobQueue, Protocol):
    """Runs the jobs.

    ``enqueue`` and ``cancel`` work in every process, whether it runs jobs or not.
    """

    def install(self) -> None:
        """Create the tables that are not part of our schema, unless they exist."""
        ...

    def start(self) -> None:
        """Begin to run jobs, in threads of this process."""
        ...

    def stop(self, timeout: float = 10.0) -> None:
        """Take no more jobs, and wait for the running ones at most ``timeout`` seconds.

        A job that has not ended by then runs again in another process when its lease is over.
        """
        ...


@dataclass(frozen=True, slots=True)
class Result:
    """The end of a run. ``delay`` None: done. ``error``: the handler raised."""

    delay: float | None
    error: str | None = None


def run(handlers: Mapping[str, Handler], kind: str, payload: Any, attempts: int) -> Result:
    """Call the handler. ``attempts``: how often the job has failed in a row."""
    try:
        return Result(handlers[kind](payload))
    except Exception as error:
        delay = backoff(attempts)
        told = log.warning if may_pass(error) else log.exception
        told("job %s failed and runs again in %.0f s", kind, delay)
        return Result(delay, repr(error)[:500])


def backoff(attempts: int) -> float:
    """Seconds until the next run after ``attempts`` failures in a row and this one."""
    return min(LONGEST_BACKOFF, 2.0 ** min(attempts, 16))
