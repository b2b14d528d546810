"""Jobs that wait long for somebody else: a few at a time, for timers and hang-ups need workers too."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from threading import BoundedSemaphore

from app.domain.context import Context
from providers.common.json_types import JsonObject

Handler = Callable[[Context, JsonObject], float | None]


def limit_concurrency(count: int, again_seconds: float) -> Callable[[Handler], Handler]:
    """At most ``count`` of this handler in a process; one that finds no place looks again later."""

    def limited(handler: Handler) -> Handler:
        places = BoundedSemaphore(count)

        @wraps(handler)
        def run(context: Context, payload: JsonObject) -> float | None:
            if not places.acquire(blocking=False):
                return again_seconds
            try:
                return handler(context, payload)
            finally:
                places.release()

        return run

    return limited
