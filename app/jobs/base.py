"""Durable jobs: work that is committed with the event that causes it, and done later.

One promise, kept by a table of ours on SQLite (``jobs/sqlite.py``) and by Procrastinate on
PostgreSQL (``jobs/postgresql.py``):

- ``enqueue`` is part of the caller's transaction: rolled back, nothing runs; committed, it runs
  at least once, also after a crash. A job of a killed process runs again when its lease is over.
- A key is one piece of work: at most one job of it waits and at most one runs. Enqueued again
  while it waits, the earlier of the two times and the newer payload hold; enqueued while it
  runs, it runs once more afterwards. ``kind`` and ``lock`` belong to the key and never change.
- Two jobs of one ``lock`` never run at the same time. A job that waits for its time holds no
  lock, so a timer of ten minutes keeps nothing else from running.
- A handler returns None when the work is done, or the seconds after which to run again. An
  exception is logged and runs the job again after 1, 2, 4 ... at most 60 seconds, for ever:
  giving up is a decision, and decisions are the handler's.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from app.domain.context import JobQueue

Handler = Callable[[Mapping[str, Any]], float | None]
"""The payload in; None (done) or seconds until the next run out."""

WORKERS = 16
"""Jobs one process runs at a time. They wait for other people's servers, not for the processor."""

LEASE = 30.0
"""Seconds after its last sign of life until a process counts as dead, and its jobs run again."""

LONGEST_BACKOFF = 60.0

log = logging.getLogger(__name__)


class Jobs(JobQueue, Protocol):
    """The engine. ``enqueue`` and ``cancel`` work in every process, whether it runs jobs or not."""

    def install(self) -> None:
        """Create what the engine needs beside our own schema, unless it is there."""
        ...

    def start(self) -> None:
        """Begin to run jobs, in threads of this process."""
        ...

    def stop(self, timeout: float = 10.0) -> None:
        """Take no more jobs and wait for those under way, at most ``timeout`` seconds.

        What has not ended by then runs again elsewhere when its lease is over.
        """
        ...


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended. ``delay`` None: done. ``error``: the handler raised."""

    delay: float | None
    error: str | None = None


def run(handlers: Mapping[str, Handler], kind: str, payload: Any, attempts: int) -> Result:
    """Call the handler. ``attempts``: how often the job has failed in a row."""
    try:
        return Result(handlers[kind](payload))
    except Exception as error:
        delay = backoff(attempts)
        log.exception("job %s failed and runs again in %.0f s", kind, delay)
        return Result(delay, repr(error)[:500])


def backoff(attempts: int) -> float:
    """Seconds until the next run after ``attempts`` failures in a row and this one."""
    return min(LONGEST_BACKOFF, 2.0 ** min(attempts, 16))
