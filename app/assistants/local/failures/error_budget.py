"""Counts errors of a call's services, and says when a service has failed for good. Pure."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from app.assistants.local.services import Stage

# Errors that end the call. A transcriber reconnects by itself, until it reports that it gives up.
TOLERATED = {
    Stage.MODEL: 1,  # its client has tried again already
    Stage.VOICE: 2,  # one sentence may fail and the next be spoken
}
# Two errors this far apart do not belong together.
FORGOTTEN_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Fault:
    """One error, as pipecat reported it. ``category``: pipecat's own word, or none."""

    text: str
    category: str = ""


class ErrorBudget:
    """The error budget of one call."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._recent = dict[Stage, list[tuple[float, Fault]]]()

    def add(self, stage: Stage, fault: Fault, *, usable: bool) -> Fault | None:
        """Count an error. When the budget is spent, return the first recent error.

        The first one is the cause of the others. ``usable``: the service reports that it can go on.
        """
        self._recent[stage] = [*self._kept(stage), (self._clock(), fault)]
        last_straw = len(self._recent[stage]) >= TOLERATED.get(stage, float("inf"))
        return self.first(stage) if last_straw or not usable else None

    def first(self, stage: Stage) -> Fault | None:
        """The first error that still counts."""
        kept = self._kept(stage)
        return kept[0][1] if kept else None

    def _kept(self, stage: Stage) -> list[tuple[float, Fault]]:
        since = self._clock() - FORGOTTEN_SECONDS
        return [each for each in self._recent.get(stage, ()) if each[0] > since]
