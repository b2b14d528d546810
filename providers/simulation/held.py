"""Callers who are held until their bridge has a slot for them: who came when, and who went when."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from providers.simulation.timeline import SimulatorError

NEEDED = "the leg was not held: start the bridge with MAX_CONCURRENT_CALLS=1, and let no other call go on"


@dataclass
class Held:
    """The held legs of a run. ``key`` is pressed, and ``leaves`` hangs up, in the music."""

    key: str = ""
    leaves: bool = False
    order: list[str] = field(default_factory=list)
    """Legs that were held, by their refs, in the order of their arrival."""
    joined: dict[str, float] = field(default_factory=dict)
    """Legs whose media socket opened, and when."""

    def __post_init__(self) -> None:
        self.begun = threading.Event()

    def begin(self, ref: str) -> bool:
        """A leg hears music. Returns whether it is its first time."""
        is_new = ref not in self.order
        if is_new:
            self.order.append(ref)
            self.begun.set()
        return is_new

    def join(self, ref: str) -> None:
        self.joined.setdefault(ref, time.monotonic())

    def await_one(self, patience: float) -> None:
        """Wait so many seconds until one more leg is held. Raises ``SimulatorError``."""
        if not self.begun.wait(patience):
            raise SimulatorError(NEEDED)
        self.begun.clear()

    def went(self) -> list[str]:
        """The held legs that were connected, in the order in which they were."""
        return [ref for ref in self.joined if ref in self.order]
