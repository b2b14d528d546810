"""What follows an attempt: delivered, given up, or the seconds until the next. No I/O, no clock.

Without a plan of the message's own: ``Settings.delivery_schedule``, each wait +-20 %; an answer's
``Retry-After`` is honoured between once and twice the wait; 429 and timeouts wait a minute at
least; 410 ends it. Vapi's ``backoffPlan`` replaces all of that by its own few rules.
https://docs.vapi.ai/api-reference/assistants/create (server.backoffPlan)
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

JITTER = 0.2
PATIENCE = 60.0
"""Seconds a receiver that is too slow or too busy is left alone."""
HTTP_GONE = 410
TOO_MANY = 429
NOT_NOW = {408, 425, TOO_MANY}
"""Of the 4xx those that speak of the moment, not of the message."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt. ``status`` None: no answer."""

    status: int | None
    timed_out: bool = False
    retry_after: float | None = None
    """Seconds, as the answer asked."""

    @property
    def delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def refused(self) -> bool:
        """The receiver is up and does not want this message; those behind it need not wait."""
        return self.status in range(400, 500) and self.status not in NOT_NOW


def wait(
    made: int,
    outcome: Outcome,
    schedule: Sequence[float],
    plan: Mapping[str, Any] | None,
    jitter: Callable[[float, float], float] = random.uniform,
) -> float | None:
    """Seconds until the next attempt of a message that was not delivered; None: give it up.

    ``made`` counts attempts, this one included. ``jitter(low, high)`` draws the factor.
    """
    if plan is not None:
        return _planned(made, outcome, plan)
    if outcome.status == HTTP_GONE or made >= len(schedule):
        return None
    base = schedule[made]
    if outcome.timed_out or outcome.status == TOO_MANY:
        base = max(base, min(PATIENCE, max(schedule)))
    if outcome.retry_after is not None:
        return min(max(outcome.retry_after, base), 2 * base)
    return base * jitter(1 - JITTER, 1 + JITTER)


def _planned(made: int, outcome: Outcome, plan: Mapping[str, Any]) -> float | None:
    """Vapi's ``{type, maxRetries 0..10, baseDelaySeconds 0..10, excludedStatusCodes}``."""
    excluded = plan.get("excludedStatusCodes") or ()
    if made > (plan.get("maxRetries") or 0) or outcome.status in excluded:
        return None
    base = float(plan.get("baseDelaySeconds") or 0)
    return base * 2 ** (made - 1) if plan.get("type") == "exponential" else base


def retry_after(value: str | None, now: datetime) -> float | None:
    """A ``Retry-After`` header in seconds from ``now``; None when absent or nonsense.

    https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds())
