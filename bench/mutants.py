"""``python -m bench.mutants``: how many small changes of the five cores their own tests notice.

First a core's tests run once, which tells the tests of each line. Then each mutant runs with the
tests of its line, in a process of its own. ``--core`` and ``--module`` choose a part.
Exits 1 when less than 95 % are killed. ``bench/equivalent.py`` has the mutants that do not count.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType

from bench.core_tests import ROOT, run_tests, see, tests_of
from bench.cores import CORES, Core
from bench.equivalent import EQUIVALENT
from bench.forked import in_child
from bench.mutations import Mutant, mutants
from bench.reliability import conclude

SECONDS = 60.0
"""A mutant whose tests take longer counts as killed: it loops for ever."""
AIM = 0.95


class _Loader(importlib.machinery.SourceFileLoader):
    code: CodeType

    def get_code(self, fullname: str) -> CodeType:
        return self.code


class _Finder(importlib.abc.MetaPathFinder):
    """Imports one module from the code of its mutant."""

    def __init__(self, path: str, code: CodeType) -> None:
        self.name = path.removesuffix(".py").replace("/", ".")
        self.loader = _Loader(self.name, str(ROOT / path))
        self.loader.code = code

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self.name:
            return None
        return importlib.util.spec_from_file_location(
            fullname, self.loader.path, loader=self.loader
        )


def survives(path: str, mutant: Mutant, tests: Sequence[str]) -> bool:
    sys.meta_path.insert(0, _Finder(path, mutant.code))
    return run_tests(tests)


def try_core(name: str, core: Core, only: str) -> tuple[int, int]:
    """How many mutants there are, and how many survive. Prints the survivors."""
    seen = see(name, core)
    for module in seen.foreign:  # so that no child has to load them
        with suppress(Exception):
            importlib.import_module(module)
    total, alive = 0, 0
    for path in core.modules:
        if only not in path:
            continue
        for mutant in mutants((ROOT / path).read_text(), path):
            if mutant.name in EQUIVALENT.get(path, {}):
                continue
            total += 1
            tests = tests_of(core, seen.lines[path].get(str(mutant.line), []))
            if in_child(partial(survives, path, mutant, tests), SECONDS):
                alive += 1
                print(f"  survives: {path}:{mutant.line} {mutant.name}", flush=True)
    return total, alive


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--core", choices=CORES, action="append")
    parser.add_argument("--module", default="", help="a part of the module's path")
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    os.chdir(ROOT)
    good, figures = True, list[str]()
    for name in options.core or CORES:
        begun = time.monotonic()
        total, alive = try_core(name, CORES[name], options.module)
        good = good and alive <= (1 - AIM) * total
        figures.append(f"{name} {total - alive} of {total}")
        print(f"{figures[-1]} mutants killed, {time.monotonic() - begun:.0f} s", flush=True)
    return conclude("mutants", ", ".join(figures), reached=good, keep=options.record)


if __name__ == "__main__":
    sys.exit(main())
