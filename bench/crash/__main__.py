"""``python -m bench.crash``: kills the bridge at every fail-point, on SQLite and PostgreSQL.

For each fail-point: a bridge with ``FAILPOINT=NAME:kill`` in real processes, beside a carrier's
simulator and a client's server. It dies there in the middle of a call, and is started again half a
minute later. Then nothing acknowledged may be lost, no phone rung twice, no call open, and each
call have one report. ``--times 20`` is the full size; ``--point`` takes a part.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple

from app.failpoints.points import POINTS
from bench.crash.checks import Faults, check
from bench.crash.stories import ONLY_POSTGRESQL, STORIES, Story
from bench.crash.world import GaveUp, World, world
from bench.reliability import conclude
from tests import databases
from tests.postgresql import server

DATABASES = ("sqlite", "postgresql")
REACH_SECONDS = 20.0
"""Until a fail-point that is not reached counts as one."""


class Trial(NamedTuple):
    """One kill."""

    point: str
    number: int

    @property
    def story(self) -> Story:
        return STORIES[self.point.partition(".")[0]]

    @property
    def carrier(self) -> str:
        return self.story.carriers[self.number % len(self.story.carriers)]


def run(trial: Trial) -> tuple[Faults, str]:
    """One trial: its faults, and how its call ended."""
    story = trial.story
    failpoint = ",".join(filter(None, (f"{trial.point}:kill", story.with_)))
    with world(trial.carrier, story.callee, failpoint, **dict(story.environ)) as made:
        problems = list[str]()
        thread = threading.Thread(target=_play, args=(story, made, problems), daemon=True)
        thread.start()
        if not made.wait_killed(trial.point, REACH_SECONDS):
            made.is_up_again.set()
            return Faults(not_reached=1), f"not reached {problems}"
        made.restart()
        thread.join()
        faults, ended = check(made)
        if problems:
            faults.stuck += 1
        return faults, "; ".join([ended, *problems])


def _play(story: Story, made: World, problems: list[str]) -> None:
    try:
        story.run(made)
    except (GaveUp, AssertionError, KeyError) as error:
        problems.append(f"{type(error).__name__}: {error}")


@contextmanager
def database(name: str) -> Iterator[None]:
    """Let new databases be on this kind of server."""
    if name == "sqlite":
        os.environ.pop("TEST_DATABASE_URL", None)
        yield
        return
    with server() as url:
        os.environ["TEST_DATABASE_URL"] = url
        yield
        databases._drop_spare(url)


def trials(name: str, points: Sequence[str], times: int) -> list[Trial]:
    """So many kills at each of the fail-points that this database's bridge passes."""
    passed = [each for each in points if name == "postgresql" or each not in ONLY_POSTGRESQL]
    return [Trial(point, number) for point in passed for number in range(times)]


def all_of(name: str, trials: Sequence[Trial], at_once: int) -> Faults:
    """All trials on one database; prints a row for each fail-point."""
    sums, ends = defaultdict[str, Faults](Faults), defaultdict[str, Counter[str]](Counter)
    whole, began = Faults(), time.monotonic()
    print(f"\n{name}: {len(trials)} kills\n{'fail-point':<30} {Faults.head()}  ended")
    with database(name), ThreadPoolExecutor(at_once) as pool:
        left = Counter(trial.point for trial in trials)
        for trial, (faults, ended) in zip(trials, pool.map(run, trials), strict=True):
            sums[trial.point].add(faults)
            ends[trial.point][ended] += 1
            left[trial.point] -= 1
            if not left[trial.point]:
                told = ", ".join(f"{n} x {end}" for end, n in ends[trial.point].most_common())
                print(f"{trial.point:<30} {sums[trial.point].row()}  {told}", flush=True)
                whole.add(sums[trial.point])
    print(f"{'in all':<30} {whole.row()}  in {time.monotonic() - began:.0f} s", flush=True)
    return whole


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.crash", description=__doc__)
    parser.add_argument("--times", type=int, default=1, help="kills at each fail-point")
    parser.add_argument("--database", choices=DATABASES, action="append", help="only this one")
    parser.add_argument("--point", action="append", help="only fail-points that begin so")
    parser.add_argument("--at-once", type=int, default=3, help="bridges at a time")
    parser.add_argument("--record", action="store_true", help="keep the figure")
    chosen = parser.parse_args()
    points = [each for each in POINTS if each.startswith(tuple(chosen.point or ("",)))]
    whole, kills = Faults(), 0
    for name in chosen.database or DATABASES:
        made = trials(name, points, chosen.times)
        whole.add(all_of(name, made, chosen.at_once))
        kills += len(made)
    seen = f"{kills} kills at {len(points)} fail-points: {whole.words()}"
    sys.exit(conclude("crash", seen, reached=not whole.total, keep=chosen.record))


if __name__ == "__main__":
    main()
