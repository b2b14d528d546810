"""``python -m bench.orders``: a call's events in every order end in one state and one report.

All 40,320 orders of eight events, and all 113,400 orders of five events that each come twice.
The fold is asked after every event of every order. So each order also shows that the status
never goes back, and how often the call ends. Each end is one end-of-call report.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from app.domain.calls.state import RANK, CallState
from bench.reliability import conclude
from providers.events import CallEvent, CallStatus
from tests.domain.calls.test_state import EIGHT, FIVE, fold

WANTED = {"eight events": 40_320, "five events twice": 113_400}


@dataclass
class Walk:
    """All orders of some events, walked as a tree of their beginnings."""

    events: Sequence[CallEvent]
    orders: int = 0
    folds: int = 0
    finals: set[CallState] = field(default_factory=set)
    reports: Counter[int] = field(default_factory=Counter)
    """How many orders had so many ends."""
    back: int = 0
    """How often a status went back."""

    def go(self, left: Counter[int], begun: list[CallEvent], status: CallStatus, ends: int) -> None:
        if not left.total():
            self.orders += 1
            self.finals.add(fold(begun))
            self.reports[ends] += 1
        for index in [each for each, count in left.items() if count]:
            left[index] -= 1
            begun.append(self.events[index])
            after = fold(begun).status
            self.folds += 1
            self.back += RANK[after] < RANK[status]
            ended = after is CallStatus.ENDED and status is not CallStatus.ENDED
            self.go(left, begun, after, ends + ended)
            begun.pop()
            left[index] += 1


def walk(events: Sequence[CallEvent], times: int) -> Walk:
    """Every order in which each event comes so many times."""
    found = Walk(events)
    found.go(Counter(dict.fromkeys(range(len(events)), times)), [], CallStatus.QUEUED, 0)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    good, figures = True, list[str]()
    for name, events, times in (("eight events", EIGHT, 1), ("five events twice", FIVE, 2)):
        begun = time.monotonic()
        seen = walk(events, times)
        good = good and (
            seen.orders == WANTED[name]
            and seen.finals == {fold(events)}
            and seen.reports == {1: seen.orders}
            and not seen.back
        )
        print(
            f"{name}: {seen.orders:,} orders, {seen.folds:,} folds, {len(seen.finals)} final "
            f"state, {dict(seen.reports)} orders by reports, status went back {seen.back} times, "
            f"{time.monotonic() - begun:.1f} s"
        )
        figures.append(f"{name}: {seen.orders:,} orders, {len(seen.finals)} state")
    told = f"{', '.join(figures)}, 1 report each"
    return conclude("orders", told, reached=good, keep=options.record)


if __name__ == "__main__":
    sys.exit(main())
