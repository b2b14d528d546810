"""``python -m bench.branches``: the branches of the five cores that their own tests take.

Exits 1 when one is not taken.
"""

from __future__ import annotations

import argparse
import os
import sys

from bench.core_tests import ROOT, see
from bench.cores import CORES
from bench.reliability import conclude


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    os.chdir(ROOT)
    total, missing = 0, 0
    for name, core in CORES.items():
        for path, (branches, untaken) in see(name, core).branches.items():
            total, missing = total + branches, missing + len(untaken)
            print(f"{name}: {path}: {branches - len(untaken)} of {branches} branches", flush=True)
            for begin, end in untaken:
                print(f"  not taken: from line {begin} to {end if end > 0 else 'the end'}")
    seen = f"{total - missing} of {total} branches"
    return conclude("branches", seen, reached=missing == 0, keep=options.record)


if __name__ == "__main__":
    sys.exit(main())
