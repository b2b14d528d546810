"""Errors of a call's services, and when a service has failed for good. Pure."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from app.assistants.local.services import Stage

TOLERATED = {
    Stage.MODEL: 1,  # its client has tried again already
    Stage.VOICE: 2,  # one sentence may fail and the next be spoken
}
"""How many errors end the call. A transcriber's are attempts, until it says that it gives up."""
FORGOTTEN_SECONDS = 60.0
"""An error that is so long ago has nothing to do with the next."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One error, as the engine reported it. ``category``: the engine's own word, or none."""

    text: str
    category: str = ""


class ErrorBudget:
    """One call's."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._recent = dict[Stage, list[tuple[float, Fault]]]()

    def add(self, stage: Stage, fault: Fault, *, usable: bool) -> Fault | None:
        """What is to be blamed when this error is the last straw: the first of them, which the
        others follow from. ``usable``: the service says it can go on."""
        self._recent[stage] = [*self._kept(stage), (self._clock(), fault)]
        last_straw = len(self._recent[stage]) >= TOLERATED.get(stage, float("inf"))
        return self.first(stage) if last_straw or not usable else None

    def first(self, stage: Stage) -> Fault | None:
        """The first that still counts."""
        kept = self._kept(stage)
        return kept[0][1] if kept else None

    def _kept(self, stage: Stage) -> list[tuple[float, Fault]]:
        since = self._clock() - FORGOTTEN_SECONDS
        return [each for each in self._recent.get(stage, ()) if each[0] > since]
