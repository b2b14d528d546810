"""How long callers wait for something, beside a floor of the same run."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from bench.figures import median, percentile
from bench.reliability import conclude

COLUMNS = f"{'n':>6} {'p50':>6} {'worst':>6} {'floor':>6} {'ratio':>6}"
"""What ``Waits.row`` prints: milliseconds, but the first and the last."""


@dataclass
class Waits:
    """Seconds, of all callers of one kind."""

    floor: list[float] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def row(self) -> str:
        ratio = median(self.waited) / (median(self.floor) or 1.0)
        worst = max(self.waited, default=0.0) * 1e3
        return f"{len(self.waited):>6} {median(self.waited):>6.0f} {worst:>6.0f} {median(self.floor):>6.0f} {ratio:>6.1f}"


def judge(key: str, found: Collection[Waits], what: str, *, aim_seconds: float, keep: bool) -> int:
    """Print the whole, and return the exit status. ``what``: what is counted, and what it waits for."""
    waited = [wait for waits in found for wait in waits.waited]
    problems = [each for waits in found for each in waits.problems]
    worst = max(waited, default=0.0)
    seen = (
        f"{len(waited)} {what} after p50 {median(waited):.0f} ms, "
        f"p95 {percentile(waited, 0.95):.0f} ms, at most {worst * 1e3:.0f} ms; "
        f"{len(problems)} went wrong"
    )
    reached = not problems and worst <= aim_seconds
    return conclude(key, seen, *problems, reached=reached, keep=keep)
