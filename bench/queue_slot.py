"""``python -m bench.queue_slot``: how soon the first of the queue takes the slot that is freed.

Two processes on one database share one slot; connections go to them in turn. Callers of a simulated
carrier wait in line, and each hangs up once connected. The wait is from a hang-up to the next
caller's open media socket. The floor is a call that finds the slot free: from its arrival to its
media socket. ``--rounds 10`` is the full size; ``--record`` keeps the figure.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from app.cli.processes import free_port
from bench.balancer import Balancer, Side
from bench.database import database
from bench.machine import machine
from bench.simulated import CARRIERS, TIMEOUT, ignore
from bench.waits import COLUMNS, Waits, judge
from providers.simulation.assistants import ECHO
from providers.simulation.stage import CallerAction
from tests.bridge import Bridge, carriers
from tests.databases import bring_up_to_date

AIM_SECONDS = 1.0
PROCESSES, WAITING = 2, 5
"""Callers in line behind the one who talks, in each round."""


class InTurn(Balancer):
    """Each connection goes to the next of several ports."""

    def __init__(self, ports: Sequence[int]) -> None:
        super().__init__(ports[0])
        self._next = itertools.cycle(ports)

    def _accepted(self) -> Side:
        self.target = next(self._next)
        return super()._accepted()


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=10, help="at each carrier, on each database")
    options.add_argument("--record", action="store_true", help="for docs/reliability.md")
    chosen = options.parse_args()
    print(machine())
    print(f"{'slots':<22} {COLUMNS}")
    found = [
        waits
        for postgresql in (False, True)
        for waits in on_database(postgresql=postgresql, rounds=chosen.rounds)
    ]
    return judge(
        "queue-slot",
        found,
        "slots of two processes: taken",
        aim_seconds=AIM_SECONDS,
        keep=chosen.record,
    )


def on_database(*, postgresql: bool, rounds: int) -> Iterator[Waits]:
    name = "PostgreSQL" if postgresql else "SQLite"
    with database(postgresql=postgresql) as store, tempfile.TemporaryDirectory() as directory:
        url = store.url or f"sqlite:///{directory}/bench.db"
        bring_up_to_date(url)
        with two_processes(url, Path(directory)) as bridge:
            for carrier in CARRIERS:
                waits = Waits()
                for _ in range(rounds):
                    one_round(bridge, carrier, waits)
                print(f"{f'{carrier}, {name}':<22} {waits.row()}", flush=True)
                yield waits


@contextmanager
def two_processes(url: str, directory: Path) -> Iterator[Bridge]:
    """Bridges behind one address; the first of them, to ask its API."""
    port = free_port()
    shared = {
        **carriers(),
        "PUBLIC_URL": f"http://localhost:{port}",
        "MAX_CONCURRENT_CALLS": "1",
        "RECONCILE_SECONDS": "120",
    }
    made = [Bridge(url, directory, **shared) for _ in range(PROCESSES)]
    with ExitStack() as running:
        for each in made:
            running.enter_context(each)
        running.enter_context(in_turn([each.port for each in made], port))
        yield made[0]


@contextmanager
def in_turn(ports: Sequence[int], port: int) -> Iterator[None]:
    """The load balancer, in a thread of its own."""
    loop = asyncio.new_event_loop()
    loop.run_until_complete(InTurn(ports).listen(port))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def one_round(bridge: Bridge, carrier: str, waits: Waits) -> None:
    simulator, plays = CARRIERS[carrier]
    config = simulator.config_from_environment(bridge.environ, timeout=TIMEOUT)
    with simulator.serve_api(config, config.api_port, out=ignore) as stage:
        stage.bridge.assistant_id(ECHO)  # created, if it is the first round
        with stage.bridge.number_as(carrier, {"queuePlan": {"mode": "wait"}}):
            began, freed = line(stage, plays)
        held, joined = stage.held.order, stage.held.joined
        left = [freed, *stage.moments.left]
        waits.problems += [f"{carrier}: {each}" for each in stage.problems]
    went = [joined[ref] for ref in held if ref in joined]
    if len(went) != WAITING or went != sorted(went):
        waits.problems.append(
            f"{carrier}: {len(went)} of {WAITING} callers were connected in order"
        )
    waits.floor.append(min(joined.values()) - began)
    waits.waited += [at - before for before, at in zip(left, went, strict=False)]


def line(stage: Any, plays: Any) -> tuple[float, float]:
    """One caller talks, the others wait. Returns when the first came, and when it was ended."""
    began = time.monotonic()
    stage.spawn(partial(plays.inbound, stage, CallerAction.STAY))
    if not stage.talking.wait(TIMEOUT):
        raise SystemExit("the first caller was not connected")
    busy = stage.known_call()
    for _ in range(WAITING):
        stage.spawn(partial(plays.inbound, stage, CallerAction.HANG_UP))
        stage.held.await_one(TIMEOUT)
    freed = time.monotonic()
    stage.bridge.end_call(busy)
    stage.join()
    return began, freed


if __name__ == "__main__":
    sys.exit(main())
