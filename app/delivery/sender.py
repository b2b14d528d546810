"""The job that delivers a call's server messages: in order, one at a time, until all are done.

A message is sent outside any transaction, and its attempt is stored afterwards. A crash in between
sends it again under the same ``webhook-id``. Every call has a job of its own, so a receiver that is
down delays only its own messages.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from app.delivery import retry, signing
from app.delivery.fair_share import FairShare
from app.delivery.retry import Outcome
from app.domain.context import utc_now
from app.domain.timings import Observe, Timing, unobserved
from app.net.http import Response, SendError, post
from app.settings import Settings
from app.store import messages
from app.store.engine import Store
from app.store.messages import Attempt
from app.store.vault import Vault
from providers.common.json_types import JsonDict, JsonObject

# Vapi's default of ``server.timeoutSeconds``.
TIMEOUT_SECONDS = 20.0
# Characters of a response that are stored with its attempt.
RESPONSE_KEPT = 500

# Headers that ``server.headers`` cannot set: they belong to the connection or to the signature.
RESERVED = frozenset(
    {
        "connection",
        "content-length",
        "content-type",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "webhook-id",
        "webhook-signature",
        "webhook-timestamp",
    }
)

log = logging.getLogger(__name__)


def _sendable(waiting: Sequence[JsonDict], now: datetime) -> JsonDict | None:
    """The oldest message, once it is due: the order holds while a receiver is down.

    A refused message delays no other. A server that knows only reports answers 404 to all else, and
    would get its report days late.
    """
    for message in waiting:
        if message["next_at"] <= now:
            return message
        if not message["refused"]:
            return None
    return None


def _wait(waiting: Sequence[JsonObject], now: datetime) -> float | None:
    """Seconds until a message may be sent; None when none waits."""
    left = []
    for message in waiting:
        left.append((message["next_at"] - now).total_seconds())
        if not message["refused"]:
            break
    return max(0.0, min(left)) if left else None


class Sender:
    """Handler of the job kind ``deliver``: ``{"callId"}``."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        settings: Settings,
        now: Callable[[], datetime] = utc_now,
        observe: Observe = unobserved,
    ) -> None:
        self._store = store
        self._vault = vault
        self._schedule = settings.delivery_schedule
        self._allow_private = settings.allow_private_server_urls
        self._now = now
        self._observe = observe
        self._turns = FairShare()

    def __call__(self, payload: JsonObject) -> float | None:
        """Send what is due.

        Returns the seconds until the next attempt, or None when no message is left.
        """
        while True:
            with self._store.read() as conn:
                waiting = messages.pending(conn, payload["callId"])
            message = _sendable(waiting, self._now())
            if message is None:
                return _wait(waiting, self._now())
            pause = self._deliver(message)
            if pause is not None:
                return pause

    def _deliver(self, message: JsonObject) -> float | None:
        """Make one attempt.

        Returns seconds to wait when the receiver has its share of the workers.
        """
        receiver = urlsplit(message["url"]).netloc
        pause = self._turns.acquire(receiver)
        if pause is not None:
            return pause
        hung = False
        try:
            attempt, outcome = self._attempt(message)
            hung = outcome.timed_out
        finally:
            self._turns.release(receiver, hung=hung)
        if (message["policy"] or {}).get("moment"):
            self._forget(message, outcome)
        else:
            self._record(message, attempt, outcome)
        if outcome.delivered:
            age = (self._now() - message["created_at"]).total_seconds()
            self._observe(Timing.DELIVERY_AGE, age)
        return None

    def _attempt(self, message: JsonObject) -> tuple[Attempt, Outcome]:
        at, begun = self._now(), time.monotonic()
        body = message["body"].encode()
        seconds = (message["policy"] or {}).get("timeoutSeconds") or TIMEOUT_SECONDS
        sealed = self._vault.open(message["secret"])
        told = headers(message["id"], body, int(at.timestamp()), sealed)
        try:
            answer = post(message["url"], body, told, float(seconds), self._allow_private)
        except SendError as error:
            return Attempt(at, _since(begun), error=str(error)), Outcome(None, error.timed_out)
        asked = retry.retry_after(answer.headers.get("retry-after"), self._now())
        outcome = Outcome(answer.status, retry_after=asked)
        return Attempt(at, _since(begun), answer.status, _error(answer), _excerpt(answer)), outcome

    def _record(self, message: JsonObject, attempt: Attempt, outcome: Outcome) -> None:
        made = message["attempts"] + 1
        plan = (message["policy"] or {}).get("backoffPlan")
        with self._store.write() as conn:
            now = self._now()
            if not messages.record_attempt(conn, message["id"], attempt):
                return  # its call was deleted meanwhile
            if outcome.delivered:
                messages.finish(conn, message["id"], messages.DELIVERED, at=now)
                return
            wait = retry.wait(made, outcome, self._schedule, plan)
            if wait is not None:
                until = now + timedelta(seconds=wait)
                messages.postpone(conn, message["id"], until, refused=outcome.refused)
                return
            messages.finish(conn, message["id"], messages.FAILED, at=now)
        log.warning(
            "gave up message %s (%s) after %d attempts",
            message["id"],
            message["key"],
            made,
            extra={"callId": message["call_id"], "messageId": message["id"]},
        )

    def _forget(self, message: JsonObject, outcome: Outcome) -> None:
        """Delete an ephemeral message after its one attempt. A call makes hundreds."""
        with self._store.write() as conn:
            messages.delete(conn, message["id"])
        if not outcome.delivered:
            log.info(
                "message %s of a moment was not delivered",
                message["key"],
                extra={"callId": message["call_id"]},
            )


def _since(begun: float) -> int:
    return round((time.monotonic() - begun) * 1000)


def headers(message_id: str, body: bytes, at: int, secrets: JsonObject) -> dict[str, str]:
    """The headers of one request, at this second.

    ``secrets``: ``secret`` and ``headers`` of the server. Ours come last, so that the server's own
    cannot replace them.
    """
    secret = secrets.get("secret")
    own = (secrets.get("headers") or {}).items()
    kept = {name: str(value) for name, value in own if name.lower() not in RESERVED}
    if secret:
        kept = {n: v for n, v in kept.items() if n.lower() != "x-vapi-secret"}
        kept["X-Vapi-Secret"] = secret
    stamp = signing.headers(message_id, at, body, secret)
    return {**kept, "Content-Type": "application/json", "User-Agent": "Patchbay", **stamp}


def _error(answer: Response) -> str | None:
    if 300 <= answer.status < 400:
        return "the answer is a redirect: redirects are not followed"
    return None


def _excerpt(answer: Response) -> str:
    """The beginning of the body, without NUL, which PostgreSQL does not store."""
    return answer.body.decode(errors="replace").replace("\0", "")[:RESPONSE_KEPT]
