"""Whether a load was served as promised: tails, first attempts, what is left over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.figures import median, percentile
from bench.left_over import LeftOver
from bench.record import CALLBACK, CREATE, MARKUP, REPORT, UPDATE, Bucket

CALLBACK_MS, MARKUP_MS, MESSAGE_MS, MEDIAN_MS = 150, 150, 1000, 100
"""The most of each p99, and of the median of messages."""
FIRST_ATTEMPTS = 0.999
RETRIED = 4.0
"""Seconds: the first retry comes later, so a message that came before was no retry."""
SETTLE = 3.0
"""``SETTLE_SECONDS``: a report is due so long after the last callback."""


@dataclass(frozen=True)
class Verdict:
    """Judges all of a load."""

    whole: Bucket
    missing: int
    """Messages that have not come."""
    left: LeftOver

    @property
    def shed(self) -> bool:
        """Whether creates were refused: then only callbacks have to be served."""
        return bool(self.whole.refused[CREATE])

    @property
    def delivery_problems(self) -> Sequence[str]:
        times = self._messages()
        return _named(
            {
                "messages are missing": bool(self.missing),
                "first attempts failed": self._first(times) < FIRST_ATTEMPTS,
                "messages' median is late": median(times) >= MEDIAN_MS,
                "messages' p99 is late": percentile(times, 0.99) > MESSAGE_MS,
            }
        )

    @property
    def problems(self) -> Sequence[str]:
        found = {
            "callbacks were refused": self._count(self.whole.refused) > 0,
            "requests failed": self.whole.failed.total() > 0,
            "calls or messages are stuck": any(self.left) or self.missing > 0,
        }
        if not self.shed:
            late = {"callbacks' p99 is late": (CALLBACK, CALLBACK_MS)}
            late["documents' p99 is late"] = (MARKUP, MARKUP_MS)
            found |= {what: self._p99(kind) > most for what, (kind, most) in late.items()}
            found["messages' p99 is late"] = percentile(self._messages(), 0.99) > MESSAGE_MS
        return _named(found)

    def load(self) -> str:
        """What a load's row of the page shows."""
        times, whole = self._messages(), self.whole
        return (
            f"{len(whole.times[CREATE]):,} calls, {whole.refused[CREATE]:,} refused; "
            f"p99 of creates {self._p99(CREATE):.0f}, callbacks {self._p99(CALLBACK):.0f}, documents "
            f"{self._p99(MARKUP):.0f}, messages {percentile(times, 0.99):.0f} ms; "
            f"{whole.failed.total()} failed, {self.left.calls} calls and {self.left.messages} messages left"
        )

    def delivery(self) -> str:
        """What the row of messages shows."""
        times = self._messages()
        return (
            f"{len(times):,} messages, {self._first(times):.2%} at the first attempt, {self.missing} "
            f"missing; p50 {median(times):.0f} ms, p99 {percentile(times, 0.99):.0f} ms"
        )

    def _messages(self) -> list[float]:
        """Seconds from the request that causes a message, or makes it due, to its arrival."""
        reports = [max(0.0, each - SETTLE) for each in self.whole.times[REPORT]]
        return [*self.whole.times[UPDATE], *reports]

    def _first(self, times: Sequence[float]) -> float:
        all_of_them = len(times) + self.missing
        return sum(each < RETRIED for each in times) / all_of_them if all_of_them else 0.0

    def _p99(self, kind: str) -> float:
        return percentile(self.whole.times[kind], 0.99)

    def _count(self, of: Mapping[str, int]) -> int:
        return of.get(CALLBACK, 0) + of.get(MARKUP, 0)


def _named(found: Mapping[str, bool]) -> list[str]:
    return [name for name, holds in found.items() if holds]


def lines(verdict: Verdict) -> Iterator[str]:
    """What is printed."""
    yield verdict.load()
    yield verdict.delivery()
    if verdict.shed:
        yield "creates were refused: of the others only what is stuck or failed is judged"
    yield from verdict.problems
