"""``python -m bench.turn_model``: what the model that judges a caller's pause does to the event loop.

One core has an event loop that is busy for ``BUSY`` of each 20 ms, as with calls. It has the
judgements of ``CALLS`` calls, too. Rounds alternate between a thread for each call, as pipecat has it, and the one
thread that gives way (``app.vendors.common.pipecat_workarounds``). The loop's delay is what a
caller may hear.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import time
from collections.abc import Callable

import uvloop
from loguru import logger
from pipecat.audio.turn.smart_turn.base_smart_turn import BaseSmartTurn, SmartTurnParams
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3

from app.vendors.common.pipecat_workarounds import load_sessions, smart_turn
from bench.calls import BRIDGE_CORE
from bench.figures import median, percentile
from bench.machine import machine
from tests.speech import RATE, speech

CALLS = 12
TURN_SECONDS = 6.0
STEP, BUSY = 0.02, 0.012
PIECE = int(RATE * STEP) * 2
Make = Callable[[], BaseSmartTurn]


def own() -> BaseSmartTurn:
    """As pipecat makes it, on the session that all calls share."""
    made = LocalSmartTurnAnalyzerV3.__new__(LocalSmartTurnAnalyzerV3)
    vars(made).update(vars(smart_turn(SmartTurnParams())))
    return made


def shared() -> BaseSmartTurn:
    return smart_turn(SmartTurnParams())


KINDS: dict[str, Make] = {"a thread for each call": own, "one that gives way": shared}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=float, default=8.0, help="of a round")
    chosen = options.parse_args()
    logger.disable("pipecat")  # as in the bridge: it tells each judgement
    os.sched_setaffinity(0, {BRIDGE_CORE})
    load_sessions()
    print(f"{machine()}; {CALLS} calls, a pause in {TURN_SECONDS:.0f} s each, ms")
    late = {name: list[float]() for name in KINDS}
    judged = {name: list[float]() for name in KINDS}
    for number in range(chosen.rounds):
        for name, make in KINDS.items():
            uvloop.run(measure(make, chosen.seconds, number, late[name], judged[name]))
    print(f"{'':<24} {'loop p50':>8} {'p99':>6} {'worst':>6} {'judged p50':>11} {'p95':>6}")
    for name in KINDS:
        print(
            f"{name:<24} {median(late[name]):>8.1f} {percentile(late[name], 0.99):>6.1f} "
            f"{max(late[name]) * 1e3:>6.1f} {median(judged[name]):>11.0f} "
            f"{percentile(judged[name], 0.95):>6.0f}"
        )
    print(f"load {os.getloadavg()[0]:.1f} after")


async def measure(
    make: Make, seconds: float, seed: int, late: list[float], judged: list[float]
) -> None:
    """Add the loop's delays, and the time of each judgement, in seconds."""
    source = random.Random(seed)
    calls = [
        asyncio.create_task(pauses(make(), source.uniform(0, TURN_SECONDS), judged))
        for _ in range(CALLS)
    ]
    due = time.monotonic()
    until = due + seconds
    while due < until:
        late.append(max(0.0, time.monotonic() - due))
        work = time.thread_time()
        while time.thread_time() - work < BUSY:
            pass
        due = max(due + STEP, time.monotonic())
        await asyncio.sleep(due - time.monotonic())
    for task in calls:
        task.cancel()


async def pauses(analyzer: BaseSmartTurn, first: float, judged: list[float]) -> None:
    analyzer.set_sample_rate(RATE)
    pcm = speech("book")
    await asyncio.sleep(first)
    try:
        while True:
            for at in range(0, len(pcm) - PIECE, PIECE):
                analyzer.append_audio(pcm[at : at + PIECE], True)
            began = time.monotonic()
            await analyzer.analyze_end_of_turn()
            judged.append(time.monotonic() - began)
            analyzer.clear()  # type: ignore[no-untyped-call]
            await asyncio.sleep(TURN_SECONDS)
    finally:
        await analyzer.cleanup()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
