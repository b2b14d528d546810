"""Vapi's ``backoffPlan``: when a request that failed is sent again. Pure.

https://docs.vapi.ai/api-reference/assistants/create (server.backoffPlan)
"""

from __future__ import annotations

from app.domain.assistant.fields import Json, count_of, list_of, number_of, text_of

MOST_RETRIES = 10
"""Vapi's bound, for plans that no schema has checked."""


def retries(plan: Json) -> int:
    """The most that a request is repeated. Without a plan it is sent once."""
    return min(count_of(plan, "maxRetries", 0), MOST_RETRIES)


def wait(plan: Json, made: int, status: int | None = None) -> float | None:
    """Seconds until the next attempt; None: make no more.

    ``made`` counts attempts, this one included. ``status`` None: there was no response.
    """
    if made > retries(plan) or status in list_of(plan, "excludedStatusCodes"):
        return None
    base = number_of(plan, "baseDelaySeconds", 0.0)
    return base * 2 ** (made - 1) if text_of(plan, "type") == "exponential" else base
