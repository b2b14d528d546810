"""The retry policy: what follows an attempt. No I/O, no clock.

A message without a plan follows ``Settings.delivery_schedule``, each wait +-20 %. A response's
``Retry-After`` counts between once and twice the wait. After 429 and timeouts the wait is at least
a minute. Status 410 ends it. Vapi's ``backoffPlan`` replaces all of these rules by its own.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from app.domain.assistant import backoff
from app.net.http import Response
from providers.common.json_types import JsonObject

JITTER = 0.2
# The shortest wait in seconds after a timeout or a 429.
PATIENCE = 60.0
HTTP_GONE = 410
TOO_MANY = 429
# The 4xx statuses that concern the moment, not the message.
NOT_NOW = {408, 425, TOO_MANY}


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of an attempt. ``status`` None: no response."""

    status: int | None
    timed_out: bool = False
    retry_after: float | None = None
    """Seconds, from the response's header."""

    @property
    def delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def refused(self) -> bool:
        """Whether the receiver is up and refuses this message.

        Later messages need not wait for it.
        """
        return self.status in range(400, 500) and self.status not in NOT_NOW


def outcome(answer: Response, now: datetime) -> Outcome:
    """The outcome of an attempt that was answered."""
    return Outcome(answer.status, retry_after=retry_after(answer.headers.get("retry-after"), now))


def wait(
    made: int,
    outcome: Outcome,
    schedule: Sequence[float],
    plan: JsonObject | None,
    jitter: Callable[[float, float], float] = random.uniform,
) -> float | None:
    """Seconds until the next attempt of an undelivered message; None: make no more.

    ``made`` counts attempts, this one included. ``jitter(low, high)`` draws the factor.
    """
    if plan is not None:
        return backoff.wait(plan, made, outcome.status)
    if outcome.status == HTTP_GONE or made >= len(schedule):
        return None
    base = schedule[made]
    if outcome.timed_out or outcome.status == TOO_MANY:
        base = max(base, min(PATIENCE, max(schedule)))
    if outcome.retry_after is not None:
        return min(max(outcome.retry_after, base), 2 * base)
    return base * jitter(1 - JITTER, 1 + JITTER)


def told(seconds: float | None) -> str:
    """What follows, for the log."""
    return "gave up" if seconds is None else f"again in {seconds:.0f} s"


def retry_after(value: str | None, now: datetime) -> float | None:
    """A ``Retry-After`` header in seconds from ``now``; None when absent or invalid.

    https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # a year, or a zone, that no machine number holds
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds())
