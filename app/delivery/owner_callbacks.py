"""Passes the owner's callbacks on: as the carrier sent them, in order within each call.

One job for each receiver sends what is due to it, several calls at a time. It keeps a worker busy
only while there is something to send. A crash in between sends a request again, under the same
``webhook-id``.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from datetime import timedelta
from functools import partial
from urllib.parse import urlsplit

from app.delivery import retry
from app.delivery.retry import Outcome
from app.domain.context import Context
from app.domain.legs.owner_callbacks import AGENT, request_of
from app.net.connections import Connections
from app.net.http import Response, SendError, get, post
from app.net.threads import in_thread
from app.store import owner_callbacks as store
from app.store.again import one_transaction
from app.store.owner_callbacks import DELIVERED, FAILED, PENDING, Tried
from app.store.vault import WrongKey
from providers.base.webhook import WebhookRequest
from providers.common.json_types import JsonObject

AT_ONCE = 8
"""Requests to one receiver at a time."""
RECEIVERS = 4
"""Receivers that one process sends to at a time; other jobs need workers too."""
TIMEOUT_SECONDS = 10.0
TURN_SECONDS = 5.0
"""The longest that a job goes on; then others have their turn."""
LOOK_SECONDS = 0.25
"""Between two looks for what has come meanwhile."""
LATER_SECONDS = 5.0
"""When the job of a receiver comes again that found ``RECEIVERS`` others at work."""
SCHEDULE = (0.0, 5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0, 7200.0)
"""Seconds before each attempt: 8 over 3 h 42 min. Then what waits behind gets one attempt each."""
TOO_OLD = timedelta(seconds=sum(SCHEDULE)) * (1 - retry.JITTER)
"""The shortest time to the last attempt. What was held back so long has one attempt only."""

log = logging.getLogger(__name__)

Running = dict[Future[Tried], str]
"""The attempts that are going on, each with its lane."""


class OwnerCallbacks:
    """Passes on. ``count`` counts an end, by its state."""

    def __init__(self, context: Context, count: Callable[[str], None] = lambda state: None) -> None:
        self._context = context
        self._count = count
        self._allow_private = context.settings.allow_private_server_urls
        self._connections = Connections()
        self._busy = set[str]()

    def run(self, payload: Mapping[str, str]) -> float | None:
        """Handler of the job ``PASS_ON``: send what is due to this receiver."""
        receiver = payload["receiver"]
        if len(self._busy) >= RECEIVERS:
            return LATER_SECONDS
        self._busy.add(receiver)
        try:
            self._serve(receiver)
        finally:
            self._busy.discard(receiver)
        with self._context.store.read() as conn:
            at = store.next_at(conn, receiver)
        return None if at is None else max(0.0, (at - self._context.now()).total_seconds())

    def _serve(self, receiver: str) -> None:
        running, until = Running(), time.monotonic() + TURN_SECONDS
        while self._begin(receiver, running, until) or running:
            done, _ = wait(running, LOOK_SECONDS, FIRST_COMPLETED)
            for each in done:
                del running[each]
            if done:
                self._store([each.result() for each in done])

    def _begin(self, receiver: str, running: Running, until: float) -> bool:
        """Begin what is due, as far as there is room. Returns whether any was begun."""
        room = AT_ONCE - len(running) if time.monotonic() < until else 0
        if not room:
            return False
        busy = set(running.values())
        with self._context.store.read() as conn:
            due = store.due(conn, receiver, self._context.now(), room + len(busy))
        chosen = [row for row in due if row["lane"] not in busy][:room]
        for row in chosen:
            running[in_thread(partial(self._try, row), "owner-callback")] = row["lane"]
        return bool(chosen)

    @one_transaction
    def _store(self, results: list[Tried]) -> None:
        with self._context.store.write() as conn:
            store.record(conn, results, self._context.now())
        for each in results:
            if each.state != PENDING:
                self._count(each.state)

    def _try(self, row: JsonObject) -> Tried:
        """One attempt, and what follows from it."""
        try:
            answer = self._send(row, request_of(self._context, row))
        except WrongKey as error:
            return self._failed(row, str(error), Outcome(None))
        except SendError as error:
            return self._failed(row, str(error), Outcome(None, error.timed_out))
        except Exception as error:  # one row must not hold up its receiver's others
            log.exception("what a carrier sent cannot be passed on")
            return self._failed(row, repr(error), Outcome(None))
        outcome = retry.outcome(answer, self._context.now())
        if outcome.delivered:
            return Tried(row["id"], DELIVERED, answer.status, None, row["next_at"])
        why = f"the answer is {answer.status}"
        if 300 <= answer.status < 400:
            why += ", a redirect: redirects are not followed"
        return self._failed(row, why, outcome)

    def _send(self, row: JsonObject, request: WebhookRequest) -> Response:
        """Send it as the carrier sent it. Raises ``SendError``."""
        url, headers = _url(row["url"], request.query), _headers(row, request)
        if request.method == "GET":
            return get(url, headers, TIMEOUT_SECONDS, self._allow_private)
        return post(
            url,
            request.body,
            headers,
            TIMEOUT_SECONDS,
            self._allow_private,
            connections=self._connections,
        )

    def _failed(self, row: JsonObject, why: str, outcome: Outcome) -> Tried:
        made, now = row["attempts"] + 1, self._context.now()
        wait_for = retry.wait(made, outcome, SCHEDULE, None)
        was_held = not row["attempts"] and row["next_at"] > row["created_at"]
        if was_held and now > row["created_at"] + TOO_OLD:
            wait_for = None
        log.warning(
            "call %s (%s): what the carrier sent was not passed on to %s, attempt %d: %s; %s",
            *(row["call_id"] or "unknown", row["call_ref"]),
            *(urlsplit(row["url"]).hostname, made, why),
            retry.told(wait_for),
            extra={"callId": row["call_id"], "phoneCallProviderId": row["call_ref"]},
        )
        until = now + timedelta(seconds=wait_for or 0.0)
        state = FAILED if wait_for is None else PENDING
        return Tried(row["id"], state, outcome.status, why[:500], until)


def _url(url: str, query: str) -> str:
    """The owner's URL, and after its own query that of the request, byte for byte."""
    url = url.partition("#")[0]  # what follows a fragment's sign is never sent
    if not query:
        return url
    return f"{url}{'&' if '?' in url else '?'}{query}"


def _headers(row: JsonObject, request: WebhookRequest) -> dict[str, str]:
    """The carrier's own, and what the owner needs to verify its signature."""
    return {
        **dict(request.headers),
        "user-agent": AGENT,
        "webhook-id": f"{row['lane']}-{row['key']}",
        "x-forwarded-url": request.url,
    }
