"""Jobs that wait long for somebody else: a few at a time, for timers and hang-ups need workers too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from threading import BoundedSemaphore
from typing import Any

from app.domain.context import Context

Handler = Callable[[Context, Mapping[str, Any]], float | None]


def limit_concurrency(count: int, again_seconds: float) -> Callable[[Handler], Handler]:
    """At most ``count`` of this handler in a process; one that finds no place looks again later."""

    def limited(handler: Handler) -> Handler:
        places = BoundedSemaphore(count)

        @wraps(handler)
        def run(context: Context, payload: Mapping[str, Any]) -> float | None:
            if not places.acquire(blocking=False):
                return again_seconds
            try:
                return handler(context, payload)
            finally:
                places.release()

        return run

    return limited
