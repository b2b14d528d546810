"""``python -m bench.fuzz_api --requests 100000``: requests made from our OpenAPI document.

Half of them are valid. No answer may be a 5xx, and each must be as the document describes.
It prints its seed: ``--seed`` sends the same again. Exits 1 for an answer that is not.
"""

from __future__ import annotations

import argparse
import logging
import secrets
import sys
import time

from bench.fresh import new_app
from bench.machine import machine
from bench.reliability import conclude
from tests.service.fuzz import MODES, fuzzing


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=3_000)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32))
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    print(f"{machine()}; --seed {options.seed}", flush=True)
    logging.disable(logging.CRITICAL)
    begun = time.monotonic()
    with new_app() as app:
        fuzz = fuzzing(app)
        count = len([*fuzz.operations()]) * len(MODES)
        sent, seed = 0, options.seed
        while sent < options.requests and not fuzz.wrong:
            fuzz.run(max(1, min(200, (options.requests - sent) // count)), seed)
            sent, seed = fuzz.statuses.total(), seed + 1
    errors = sum(number for status, number in fuzz.statuses.items() if status >= 500)
    statuses = ", ".join(
        f"{number:,} x {status}" for status, number in sorted(fuzz.statuses.items())
    )
    seen = f"{sent:,} requests ({statuses}): {errors} x 5xx, {len(fuzz.wrong)} not as described"
    more = [f"{time.monotonic() - begun:.0f} s"]
    more += [f"-- {name}\n{what}" for name, what in fuzz.wrong.items()]
    good = not errors and not fuzz.wrong
    return conclude("fuzz-api", seen, *more, reached=good, keep=options.record)


if __name__ == "__main__":
    sys.exit(main())
