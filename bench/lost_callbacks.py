"""``python -m bench.lost_callbacks``: each subset of a call's callbacks gets lost.

The subsets are those of {ringing, answered, the end}. Each is lost for every end that a phone can
take, at both carriers. The bridge asks the carrier's API about calls without news.
RECONCILE_SECONDS is short, so the times scale: its default of 60 makes 2 rounds 120 s.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import combinations, product
from pathlib import Path
from typing import Any, NamedTuple

from bench.carriers import Carrier, carrier
from bench.reliability import conclude
from providers.simulation.stage import Callee
from providers.simulation.stage import CallerAction as Act
from tests.bridge import Bridge
from tests.databases import fresh_database

RECONCILE_SECONDS = 2.0
ROUNDS = 2
"""Within so many times RECONCILE_SECONDS after the carrier's end a call must be over."""
SLACK_SECONDS = 1.0
"""Of a busy machine, which RECONCILE_SECONDS of a minute would not notice."""
GIVE_UP_SECONDS = 60.0
LOOK_SECONDS = 0.1
RIGHT = 0.95

TALKS, PRESSES = Callee(acts=(Act.HANG_UP,)), Callee(acts=(Act.PRESS,))
ENDS: Mapping[str, Sequence[tuple[Callee, str]]] = {
    "twilio": (
        (TALKS, "customer-ended-call"),
        (PRESSES, "assistant-ended-call"),
        (Callee("busy"), "customer-busy"),
        (Callee("no-answer"), "customer-did-not-answer"),
        (Callee("failed"), "twilio-failed-to-connect-call"),
    ),
    "vonage": (
        (TALKS, "customer-ended-call"),
        (PRESSES, "assistant-ended-call"),
        (Callee("busy"), "customer-busy"),
        (Callee("unanswered"), "customer-did-not-answer"),
        (Callee("failed"), "vonage-failed-to-connect-call"),
        (Callee("rejected"), "vonage-rejected"),
    ),
}
"""How a phone behaves, and the ``endedReason``."""
KINDS: Mapping[str, str] = {"ringing": "ringing", "in-progress": "answered", "answered": "answered"}
"""A carrier's word -> which callback it is. Words that announce the call are never lost."""
ANNOUNCES = {"initiated", "started"}
SUBSETS = [set(each) for n in range(4) for each in combinations(("ringing", "answered", "end"), n)]


class Case(NamedTuple):
    """One call. ``number`` names it."""

    number: str
    lost: set[str]
    callee: Callee
    reason: str


class Seen(NamedTuple):
    """Its end. ``seconds``: from the carrier's end to ours."""

    case: Case
    reason: str | None
    seconds: float
    is_late: bool


def cases(name: str, times: int) -> list[Case]:
    made = product(range(times), SUBSETS, ENDS[name])
    return [
        Case(f"+1415555{number:04}", lost, callee, reason)
        for number, (_, lost, (callee, reason)) in enumerate(made, 1000)
    ]


@contextmanager
def _bridge(directory: Path) -> Any:
    with (
        fresh_database(directory) as url,
        Bridge(url, directory, RECONCILE_SECONDS=str(RECONCILE_SECONDS), PRICE_SECONDS="0") as made,
    ):
        yield made


def of_carrier(name: str, bridge: Bridge, times: int) -> tuple[list[Seen], int]:
    """Every case at one carrier, and how often its API was asked."""
    made = cases(name, times)
    lost = {case.number.removeprefix("+"): case.lost for case in made}

    def is_lost(number: str, word: str) -> bool:
        kind = KINDS.get(word, "end")
        return word not in ANNOUNCES and kind in lost.get(number, ())

    with carrier(name, bridge, is_lost=is_lost) as there, ThreadPoolExecutor(1) as pool:
        watch = pool.submit(watched, there, bridge, made)
        for case in made:
            there.dial(bridge, case.number, case.callee)
        seen = watch.result()
        asked = sum("rest ->" in line and "GET" in line for line in there.stage.timeline.lines)
    return seen, asked


def watched(there: Carrier, bridge: Bridge, made: Sequence[Case]) -> list[Seen]:
    """Look until every call is over here. Both ends are dated when they are seen."""
    over, ended = dict[str, float](), dict[str, tuple[float, str | None]]()
    until = time.monotonic() + GIVE_UP_SECONDS + len(made)
    while len(ended) < len(made) and time.monotonic() < until:
        now = time.monotonic()
        for leg in there.legs:
            if leg.over.is_set():
                over.setdefault(f"+{leg.to.removeprefix('+')}", now)
        for call in bridge.api("GET", "/call?limit=1000"):
            if call["status"] == "ended" and call["phoneCallProvider"] == there.name:
                ended.setdefault(call["customer"]["number"], (now, call.get("endedReason")))
        time.sleep(LOOK_SECONDS)
    return [_seen(case, over, ended.get(case.number)) for case in made]


def _seen(case: Case, over: Mapping[str, float], ended: tuple[float, str | None] | None) -> Seen:
    if ended is None:
        return Seen(case, None, GIVE_UP_SECONDS, is_late=True)
    at, reason = ended
    seconds = max(0.0, at - over.get(case.number, at))
    return Seen(case, reason, seconds, seconds > ROUNDS * RECONCILE_SECONDS + SLACK_SECONDS)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.lost_callbacks", description=__doc__)
    parser.add_argument("--times", type=int, default=1, help="calls of each kind")
    parser.add_argument("--record", action="store_true", help="keep the figure")
    chosen = parser.parse_args()
    seen, asked, began = list[Seen](), 0, time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="lost-") as directory,
        _bridge(Path(directory)) as bridge,
    ):
        for name in ENDS:
            of_one, looks = of_carrier(name, bridge, chosen.times)
            seen, asked = seen + of_one, asked + looks
            table(name, of_one)
    right = sum(each.reason == each.case.reason for each in seen) / len(seen)
    late, slowest = sum(each.is_late for each in seen), max(each.seconds for each in seen)
    a_second = asked / (time.monotonic() - began)
    said = (
        f"{len(seen)} calls: {late} late, the slowest over {slowest / RECONCILE_SECONDS:.1f} x"
        f" RECONCILE_SECONDS after the carrier's end; reason right in {right:.1%};"
        f" the API asked {asked / len(seen):.1f} times a call"
    )
    reached = not late and right >= RIGHT
    more = f"{a_second:.1f} requests to the API a second"
    sys.exit(conclude("lost-callbacks", said, more, reached=reached, keep=chosen.record))


def table(name: str, seen: Sequence[Seen]) -> None:
    print(f"\n{name}\n{'lost':<26} {'calls':>5} {'right':>5} {'late':>4} {'slowest':>7}  wrong")
    for lost in SUBSETS:
        some = [each for each in seen if each.case.lost == lost]
        right = sum(each.reason == each.case.reason for each in some)
        late, slowest = sum(each.is_late for each in some), max(each.seconds for each in some)
        wrong = {f"{e.case.reason} -> {e.reason}" for e in some if e.reason != e.case.reason}
        words = ", ".join(sorted(lost)) or "none"
        told = "; ".join(sorted(wrong))
        print(f"{words:<26} {len(some):>5} {right:>5} {late:>4} {slowest:>7.1f}  {told}")


if __name__ == "__main__":
    main()
