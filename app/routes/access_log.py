"""ACCESS_LOG: a line for each request. It has the route's rule, because paths hold tokens."""

from __future__ import annotations

import logging
import time

from flask import Flask, Response

from app.routes.auth import client
from app.routes.lean_flask import current_globals, current_request

log = logging.getLogger(__name__)


def init_access_log(app: Flask) -> None:
    """Log every request of this application, carriers' webhooks included."""
    app.before_request(_begin)
    app.after_request(_log)


def _begin() -> None:
    current_globals().began = time.perf_counter()


def _log(response: Response) -> Response:
    request = current_request()
    rule = request.url_rule.rule if request.url_rule else "(no route)"
    took = (time.perf_counter() - getattr(current_globals(), "began", time.perf_counter())) * 1000
    log.info(
        *("%s %s %d in %.0f ms from %s", request.method, rule),
        *(response.status_code, took, client()),
        extra={"statusCode": response.status_code},
    )
    return response
