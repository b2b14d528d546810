"""``python -m bench.failed_transfers``: how long a caller waits for the assistant after a failed transfer.

The destination is busy, does not answer, is a machine, or may not be dialled. This is played blind
and warm, at both simulated carriers. The wait begins when the carrier knows it. It ends with the
first sound of ``fallbackPlan.message``, by the embedded voice. The floor is the greeting of the same call:
from its arrival to the first sound. ``--times 5`` is the full size; ``--record`` keeps the figure.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.database import database
from bench.machine import machine
from bench.simulated import CARRIERS, TIMEOUT, ignore
from bench.waits import COLUMNS, Waits, judge
from providers.simulation.plays import BRIEFING, VOICEMAIL_MODE, WARM
from providers.simulation.stage import Callee, CallerAction
from tests.bridge import Bridge
from tests.databases import bring_up_to_date

AIM_SECONDS = 2.0
ASSISTANT = {
    "name": "bench",
    "transport": {"provider": "local"},
    "firstMessage": "Hello, who is there?",
    "transcriber": {"provider": "embedded"},
    "model": {"provider": "embedded"},
}
BACK = {"message": "I am sorry, nobody is free.", "endCallEnabled": False}


@dataclass(frozen=True)
class Kind:
    """One way in which a transfer fails. ``no-answer`` is the carrier's own word for it."""

    name: str
    callee: Callee
    mode: str = "blind-transfer"


KINDS = (
    Kind("blind, busy", Callee("busy")),
    Kind("blind, no answer", Callee("no-answer")),
    Kind("blind, failed", Callee("failed")),
    Kind("warm, busy", Callee("busy"), WARM),
    Kind("warm, no answer", Callee("no-answer"), WARM),
    Kind("warm, voicemail", Callee(machine=True), VOICEMAIL_MODE),
    Kind("warm, refused", Callee(refused=True), WARM),
)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--times", type=int, default=5, help="calls of each kind at each carrier")
    options.add_argument("--postgresql", action="store_true")
    options.add_argument("--record", action="store_true", help="for docs/reliability.md")
    chosen = options.parse_args()
    print(machine())
    with (
        tempfile.TemporaryDirectory() as directory,
        database(postgresql=chosen.postgresql) as store,
    ):
        url = store.url or f"sqlite:///{directory}/bench.db"
        with prepared(url, Path(directory)) as bridge:
            found = measured(bridge, chosen.times)
    return judge(
        "failed-transfers",
        found.values(),
        "failed transfers: the assistant is heard",
        aim_seconds=AIM_SECONDS,
        keep=chosen.record,
    )


def prepared(url: str, directory: Path) -> Bridge:
    """A bridge with a new database, which has the voice agent's parts loaded once it is ready."""
    bring_up_to_date(url)
    return Bridge(url, directory, ASSISTANT_BACKEND="local", RECONCILE_SECONDS="120")


def measured(bridge: Bridge, times: int) -> dict[tuple[str, str], Waits]:
    assistant = bridge.api("POST", "/assistant", ASSISTANT, expect=201)["id"]
    print(f"{'transfers':<28} {COLUMNS}")
    found = dict[tuple[str, str], Waits]()
    for carrier in CARRIERS:
        for kind in KINDS:
            waits = found[carrier, kind.name] = Waits()
            for _ in range(times):
                one_call(bridge, carrier, kind, assistant, waits)
            print(f"{f'{carrier}: {kind.name}':<28} {waits.row()}", flush=True)
    return found


def one_call(bridge: Bridge, carrier: str, kind: Kind, assistant: str, waits: Waits) -> None:
    simulator, plays = CARRIERS[carrier]
    config = simulator.config_from_environment(
        bridge.environ, timeout=TIMEOUT, assistant_id=assistant
    )
    with simulator.serve_api(config, config.api_port, out=ignore) as stage:
        began = time.monotonic()
        play(stage, plays, kind)
        problems, moments = list(stage.problems), stage.moments
    waits.problems += [f"{carrier}: {kind.name}: {each}" for each in problems]
    if len(moments.waits) == 1:
        waits.waited += moments.waits
        waits.floor.append(moments.heard[0] - began)
    else:
        waits.problems.append(f"{carrier}: {kind.name}: {len(moments.waits)} returns of the caller")


def play(stage: Any, plays: Any, kind: Kind) -> None:
    word = plays.no_answer if kind.callee.outcome == "no-answer" else kind.callee.outcome
    stage.operator = Callee(word, refused=kind.callee.refused, machine=kind.callee.machine)
    stage.destination_outcome = word
    plan = {"mode": kind.mode, "message": BRIEFING, "fallbackPlan": BACK}
    stage.bridge.plan = {"transferPlan": plan}
    plays.inbound(stage, CallerAction.TRANSFER, CallerAction.PRESS)
    stage.join()


if __name__ == "__main__":
    sys.exit(main())
