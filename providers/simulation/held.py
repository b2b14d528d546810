"""Callers who are held: what they hear and do until their bridge has a slot for them."""

from __future__ import annotations

import io
import threading
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from providers.common.json_types import JsonObject
from providers.simulation.timeline import SimulatorError

if TYPE_CHECKING:
    from providers.simulation.stage import Stage

# Seconds that audio lasts at least, however fast the run is: a real carrier asks no faster.
SHORTEST = 0.2
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

    def await_one(self, stage: Stage) -> None:
        """Wait until one more leg is held. Raises ``SimulatorError``."""
        if not self.begun.wait(stage.config.timeout):
            raise SimulatorError(NEEDED)
        self.begun.clear()

    def check_order(self, stage: Stage, freed: float) -> None:
        """Check that who came first went first, and tell how long the first of them waited."""
        went = [ref for ref in self.joined if ref in self.order]
        if went != self.order:
            stage.problem(f"held were {self.order}, connected {went}")
        elif went:
            waited = self.joined[went[0]] - freed
            stage.timeline.add("caller", f"is connected {waited:.2f} s after the slot was free")


def audio_seconds(stage: Stage, url: str) -> float:
    """Fetch audio as a carrier does, and return its length. Faulty audio is a problem of the run."""
    response = stage.wire.send(stage.outbound, "GET", url, {}, quiet=True)
    try:
        if response.status != 200:
            raise ValueError(f"answered {response.fault or response.status}")
        with wave.open(io.BytesIO(response.body)) as read:
            return read.getnframes() / read.getframerate()
    except (ValueError, EOFError, wave.Error) as error:
        stage.problem(f"no audio that a phone can play: {url}: {error}")
        return 1.0


@contextmanager
def plan(stage: Stage, queue_plan: JsonObject) -> Iterator[None]:
    """Give the number this ``queuePlan``; restore it afterwards."""
    with stage.bridge.number_as(stage.carrier, {"queuePlan": dict(queue_plan)}):
        yield
