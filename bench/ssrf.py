"""``python -m bench.ssrf``: a client's addresses that lead to our own network, on every way to them.

The ways are those of ``tests/vendors/ways.py``: each vendor's voice, transcriber and model, streams, tools,
server messages. Each is given the addresses of ``tests/net/contract.py``, and the tricks of
``tests/fakes/hostile.py``. A spy on the sockets sees every connection. Ways with the same code are
tried once; ``--full`` tries all.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import Counter
from dataclasses import dataclass, field

from loguru import logger

from bench.machine import machine
from bench.reliability import conclude
from tests.clock import run
from tests.fakes.hostile import PUBLIC, SECRET, TRICKS, Trick, World, hostile, watched
from tests.net.contract import LITERALS
from tests.vendors.ways import Way, one_of_each, ways

PATIENCE = 60.0
"""Seconds of the tests' clock for one attempt."""


@dataclass
class Outcome:
    """Attempts by their kind, and those that failed, with the reason."""

    tried: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(self.tried.values())

    def fail(self, way: Way, what: str, reason: str) -> None:
        self.failed.append(f"{way.name}, {what}: {reason}")


async def spellings(way: Way, outcome: Outcome) -> None:
    """Every address that is not public: no socket may be opened."""
    for url in LITERALS:
        world = World(url)
        with watched(world):
            await _go(way, url, url, outcome)
        outcome.tried["spelling"] += 1
        if world.connects:
            outcome.fail(way, url, f"connected to {world.connects}")


async def tricks(way: Way, outcome: Outcome) -> None:
    for trick in TRICKS:
        async with hostile(trick) as world:
            errors = await _go(way, world.url, trick.name, outcome)
        outcome.tried[kind(trick)] += 1
        if world.was_reached:
            outcome.fail(way, trick.name, "connected inside")
        if SECRET in errors:
            outcome.fail(way, trick.name, "told what the server inside answered")
        if trick.location and PUBLIC not in world.connects:
            outcome.fail(way, trick.name, "the redirect was not asked for")


def kind(trick: Trick) -> str:
    if trick.looked_up is not None:
        return "changed DNS"
    return "redirect" if trick.location else "address in an answer"


async def _go(way: Way, url: str, what: str, outcome: Outcome) -> str:
    try:
        async with asyncio.timeout(PATIENCE):
            return await way.go(url)
    except Exception as error:
        outcome.fail(way, what, repr(error))
        return ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="also ways with the same code")
    parser.add_argument("--record", action="store_true", help="keep the figure for the docs")
    chosen = parser.parse_args()
    logger.remove()
    print(machine())
    outcome, tried = Outcome(), ways() if chosen.full else one_of_each()

    async def all_ways() -> None:
        for way in tried:
            before = outcome.total
            await spellings(way, outcome)
            await tricks(way, outcome)
            print(f"{way.name:<32} {outcome.total - before} attempts", flush=True)

    run(all_ways)
    counts = ", ".join(f"{name} {count}" for name, count in outcome.tried.items())
    seen = (
        f"{outcome.total - len(outcome.failed)} of {outcome.total} attempts on {len(tried)} ways "
        f"refused before a connection inside ({len(LITERALS)} spellings; {counts})"
    )
    return conclude("ssrf", seen, *outcome.failed, reached=not outcome.failed, keep=chosen.record)


if __name__ == "__main__":
    sys.exit(main())
