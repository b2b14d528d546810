"""When things happened that a caller waits for, by the monotonic clock.

A failed transfer is one: the caller waits until the assistant is heard again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Moments:
    """The moments of a run. ``told`` gets a sentence for the timeline."""

    told: Callable[[str], object]
    heard: list[float] = field(default_factory=list)
    """The assistant's first sound on each media socket whose caller has talked."""
    left: list[float] = field(default_factory=list)
    """The callers who hung up on an open media socket."""
    waits: list[float] = field(default_factory=list)
    """Seconds from each failed transfer to the assistant's next sound."""
    failed: float | None = None
    """The last transfer has failed at the carrier, and the caller has not come back."""

    def transfer_failed(self) -> None:
        """The carrier knows that the destination will not come. The first word counts."""
        self.failed = self.failed or time.monotonic()

    def hung_up(self) -> None:
        self.left.append(time.monotonic())

    def heard_assistant(self, at: float) -> None:
        self.heard.append(at)
        if self.failed is not None:
            self.waits.append(at - self.failed)
            self.failed = None
            self.told(f"hears it {self.waits[-1]:.2f} s after the transfer has failed")
