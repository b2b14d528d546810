"""``python -m bench.stateful --examples 2000``: random histories of the service, beside a model.

Runs on SQLite and then on PostgreSQL. It prints its seed: ``--seed`` runs the same histories again.
A history that differs is printed as the shortest program that shows it. Exits 1 then.
"""

from __future__ import annotations

import argparse
import logging
import os
import secrets
import subprocess
import sys
import time

import hypothesis
from hypothesis import HealthCheck
from hypothesis.stateful import run_state_machine_as_test

from bench.fresh import new_settings
from bench.machine import machine
from bench.reliability import conclude
from tests.postgresql import server
from tests.service.machine import Machine
from tests.service.served import serving

STEPS = 40
"""Most steps of a history."""


def run(name: str, examples: int, seed: int) -> bool:
    """Whether no history of this database differs from the model."""
    begun, wrong = time.monotonic(), None
    wanted = hypothesis.settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        suppress_health_check=[*HealthCheck],
        print_blob=False,
    )
    with new_settings() as settings, serving(settings) as service:
        kind = type("Service", (Machine,), {"service": service})
        try:
            run_state_machine_as_test(hypothesis.seed(seed)(kind), settings=wanted)
        except Exception as error:
            wrong = error
    steps = ", ".join(f"{count:,} {rule}" for rule, count in service.steps.most_common())
    print(f"{name}: {examples:,} histories, {service.steps.total():,} steps ({steps}), "
          f"{'one differs' if wrong else 'none differs'}, {time.monotonic() - begun:.0f} s")  # fmt: skip
    if wrong:
        print("\n".join(getattr(wrong, "__notes__", [])), repr(wrong), sep="\n")
    return wrong is None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=100)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32))
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    print(f"{machine()}; --seed {options.seed}", flush=True)
    logging.disable(logging.CRITICAL)
    if "TEST_DATABASE_URL" in os.environ:
        return 0 if run("PostgreSQL", options.examples, options.seed) else 1
    good = run("SQLite", options.examples, options.seed)
    again = ["--examples", str(options.examples), "--seed", str(options.seed)]
    with server(None) as url:
        environ = {**os.environ, "TEST_DATABASE_URL": url}
        command = [sys.executable, "-m", "bench.stateful", *again]
        good = subprocess.run(command, env=environ, check=False).returncode == 0 and good
    seen = f"{options.examples:,} histories on each database, {'none' if good else 'one'} differs"
    return conclude("stateful", seen, reached=good, keep=options.record)


if __name__ == "__main__":
    sys.exit(main())
