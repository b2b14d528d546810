"""``python -m bench.random_orders --times 20``: the whole suite, each time in another random order.

It runs on SQLite, with the workers of ``python -m tests.run``. pytest-randomly shuffles modules and
functions, and seeds every generator. The seed is printed, and pytest's ``--randomly-seed`` repeats
it. Other arguments are handed to pytest. Exits 1 when a test fails in one order.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import secrets
import subprocess
import sys
import time

from bench.machine import machine
from bench.reliability import conclude
from tests.run import WORKERS

FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)
LAST = re.compile(r"^.*\b(?:passed|failed|error)\b.* in .*$", re.MULTILINE)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**31))
    parser.add_argument("--record", action="store_true")
    options, rest = parser.parse_known_args()
    print(f"{machine()}; --seed {options.seed}", flush=True)
    draw, flakes = random.Random(options.seed), dict[int, list[str]]()
    environ = {name: value for name, value in os.environ.items() if name != "TEST_DATABASE_URL"}
    for _ in range(options.times):
        seed, begun = draw.randrange(2**31), time.monotonic()
        command = [sys.executable, "-m", "pytest", "-q", *WORKERS, f"--randomly-seed={seed}"]
        done = subprocess.run(
            [*command, *rest], env=environ, capture_output=True, text=True, check=False
        )
        failed = FAILED.findall(done.stdout)
        if done.returncode:
            flakes[seed] = failed or [done.stdout[-2000:] + done.stderr[-2000:]]
        last = LAST.findall(done.stdout)
        print(f"seed {seed}: {last[-1].strip('= ') if last else 'no result'}, "
              f"{time.monotonic() - begun:.0f} s", *flakes.get(seed, []), sep="\n  ", flush=True)  # fmt: skip
    tests = sorted({name for names in flakes.values() for name in names})
    seen = f"{options.times - len(flakes)} of {options.times} orders passed"
    return conclude("random-orders", seen, *tests, reached=not flakes, keep=options.record)


if __name__ == "__main__":
    sys.exit(main())
