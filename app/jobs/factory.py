"""Chooses the job runner by the store's database. See ``jobs/base.py``."""

from __future__ import annotations

from collections.abc import Mapping

from app.jobs.base import LEASE, WORKERS, Handler, Jobs
from app.jobs.foreground import GiveWay, never
from app.jobs.sqlite import TableJobs
from app.store.engine import Store


def open_jobs(
    store: Store,
    handlers: Mapping[str, Handler],
    *,
    workers: int = WORKERS,
    lease: float = LEASE,
    give_way: GiveWay = never,
) -> Jobs:
    """The job runner of this store. ``give_way`` is called before each job.

    ``handlers`` is read when a job runs, so it may be filled later.
    """
    if store.is_sqlite:
        return TableJobs(store, handlers, workers=workers, lease=lease, give_way=give_way)
    # Importing Procrastinate takes 0.1 s, which a process on SQLite need not spend.
    from app.jobs.postgresql import ProcrastinateJobs

    return ProcrastinateJobs(store, handlers, workers=workers, lease=lease, give_way=give_way)
