"""Whether a leg whose media socket is gone gets another one.

A hand-over by a stopping process of ours is counted apart from all other losses. So no number of
deploys uses up what a call has for faults. Both budgets are per time: they end a loop, not a call
that was lost now and then.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from app.domain.calls.state import CallState
from providers.events import CallEvent, EventKind


class Cause(StrEnum):
    """Why a leg is reattached: ``data.cause`` of ``media.reattached``."""

    HAND_OVER = "hand-over"
    """A process of ours stopped and closed the socket: a deploy, a reload, an instance removed."""
    FAULT = "fault"
    """Anything else: network, carrier, a killed process, a process without capacity."""


class Budget(NamedTuple):
    """How often a call is reattached within a time."""

    attempts: int
    window: timedelta


BUDGETS: dict[Cause, Budget] = {
    Cause.HAND_OVER: Budget(30, timedelta(hours=1)),
    Cause.FAULT: Budget(3, timedelta(minutes=5)),
}


def cause_of(state: CallState) -> Cause:
    """Why the leg has no media socket now.

    A hand-over counts once: a leg whose new socket does not open was not handed over again.
    """
    return Cause.HAND_OVER if state.shut_down and state.streams else Cause.FAULT


def is_allowed(log: Sequence[CallEvent], cause: Cause, now: datetime) -> bool:
    """Whether the cause's budget has an attempt left. Attempts of transfers are not counted."""
    attempts, window = BUDGETS[cause]
    return attempts > sum(
        event.at > now - window and _counts(event) is cause
        for event in log
        if event.kind is EventKind.REATTACHED
    )


def _counts(event: CallEvent) -> Cause | None:
    """The cause whose budget an attempt is counted in."""
    if "forward" in event.data:
        return None
    return Cause(event.data.get("cause", Cause.FAULT))
