"""One attempt at a server message: its text, the request, and what follows from the answer.

The dispatcher reads the message, and stores the result. Only a credential is read here.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from app.delivery import retry
from app.delivery.retry import Outcome
from app.delivery.signed_post import post_signed
from app.domain.assistant.secrets import text_without_secrets
from app.domain.calls.record import Call
from app.domain.context import Context
from app.domain.reporting import message_text, server_messages
from app.domain.timings import Timing
from app.net.authentication import Outgoing
from app.net.connections import Connections
from app.net.http import Response, SendError
from app.store import messages
from app.store.messages import Attempt
from app.store.outbox import Dropped, Result, Tried
from providers.common.json_types import JsonObject

# Vapi's default of ``server.timeoutSeconds``.
TIMEOUT_SECONDS = 20.0
# Characters of a response that are stored with its attempt.
RESPONSE_KEPT = 500

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sent:
    """The end of an attempt. ``hung``: the receiver did not answer in time; None: not asked."""

    result: Result
    hung: bool | None


class Sender:
    """Makes attempts. Thread-safe."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._schedule: Sequence[float] = context.settings.delivery_schedule
        self._allow_private = context.settings.allow_private_server_urls
        self._connections = Connections()

    def close(self) -> None:
        """Close the connections that are kept."""
        self._connections.close()

    def send(self, message: JsonObject, call: Call) -> Sent:
        """Make one attempt. Raises when the message cannot be made, such as ``WrongKey``."""
        text = message_text.text(self._context, call, message)
        attempt, outcome = self._attempt(message, call, text)
        now = self._context.now()
        if outcome.delivered:
            age = (now - message["created_at"]).total_seconds()
            self._context.observe(Timing.DELIVERY_AGE, age)
        if (message["policy"] or {}).get("moment"):
            if not outcome.delivered:
                _log_failure(message, call, attempt, 1, None)
            return Sent(Dropped(dict(message)), outcome.timed_out)
        return Sent(self._tried(message, call, text, attempt, outcome, now), outcome.timed_out)

    def _attempt(self, message: JsonObject, call: Call, text: str) -> tuple[Attempt, Outcome]:
        at, begun = self._context.now(), time.monotonic()
        body = text.encode()
        seconds = (message["policy"] or {}).get("timeoutSeconds") or TIMEOUT_SECONDS
        sent = Outgoing(message["url"], body, message["id"], int(at.timestamp()))
        try:
            answer = post_signed(
                sent,
                self._secrets(message, call),
                float(seconds),
                self._allow_private,
                connections=self._connections,
            )
        except SendError as error:
            return Attempt(at, _since(begun), error=str(error)), Outcome(None, error.timed_out)
        outcome = retry.outcome(answer, self._context.now())
        return Attempt(at, _since(begun), answer.status, _error(answer), _excerpt(answer)), outcome

    def _secrets(self, message: JsonObject, call: Call) -> JsonObject:
        """The server's. A message of the version before has its own copy."""
        if message["facts"] is None:
            return self._context.vault.open(message["secret"])
        return server_messages.secrets_for(self._context, call, message["url"])

    def _tried(
        self,
        message: JsonObject,
        call: Call,
        text: str,
        attempt: Attempt,
        outcome: Outcome,
        now: datetime,
    ) -> Tried:
        row = dict(message)
        if outcome.delivered:
            return Tried(row, text, attempt, messages.DELIVERED, row["next_at"])
        made, plan = row["attempts"] + 1, (row["policy"] or {}).get("backoffPlan")
        wait = retry.wait(made, outcome, self._schedule, plan)
        _log_failure(row, call, attempt, made, wait)
        if wait is None:
            return Tried(row, text, attempt, messages.FAILED, row["next_at"])
        until = now + timedelta(seconds=wait)
        return Tried(row, text, attempt, messages.PENDING, until, outcome.refused)


def _log_failure(
    message: JsonObject, call: Call, attempt: Attempt, made: int, wait: float | None
) -> None:
    """Log a failed attempt, with its host only: the rest of a URL may hold a token."""
    why = attempt.error or f"the answer is {attempt.status_code}"
    log.warning(
        "call %s (%s): message %s (%s) to %s was not delivered, attempt %d: %s; %s",
        *(call.id, call.provider_call_id, message["id"], message["key"]),
        *(urlsplit(message["url"]).hostname, made, why),
        retry.told(wait),
        extra={
            "callId": call.id,
            "phoneCallProviderId": call.provider_call_id,
            "messageId": message["id"],
            "attempt": made,
            "statusCode": attempt.status_code,
        },
    )


def _since(begun: float) -> int:
    return round((time.monotonic() - begun) * 1000)


def _error(answer: Response) -> str | None:
    if 300 <= answer.status < 400:
        return "the answer is a redirect: redirects are not followed"
    return None


def _excerpt(answer: Response) -> str:
    """The beginning of the body, without secrets, and without NUL: PostgreSQL does not store that."""
    text = answer.body.decode(errors="replace").replace("\0", "")
    return text_without_secrets(text)[:RESPONSE_KEPT]
