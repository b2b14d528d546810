"""``python -m bench.fuzz_parsers --runs N``: atheris against the parsers of a stranger's bytes.

N inputs in all, shared by the parsers of ``tests/service/parsers.py``, which may only refuse. Needs
``pip install atheris`` on Python 3.11 or 3.12; it is not a dependency, because 3.13 has no wheel.
A crash is printed with its input, which belongs into ``tests/service/test_parsers.py``.
Exits 1 after a crash, and 2 without atheris.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import secrets
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.machine import machine
from bench.reliability import conclude

MAX_BYTES = 2048
DONE = re.compile(r"Done (\d+) runs")
REQUESTS = Path(__file__).parents[1] / "tests" / "providers"


def fuzz(parser: str, arguments: list[str]) -> None:
    """In a process of its own, which atheris ends."""
    import atheris

    with atheris.instrument_imports(include=["app.routes.json_body", "providers"]):
        from tests.service.parsers import PARSERS
    atheris.Setup(arguments, PARSERS[parser])
    atheris.Fuzz()


def corpus(directory: str) -> None:
    """Inputs to begin with: the recorded requests, and the bytes of the table."""
    from tests.service.test_parsers import BYTES

    recorded = [path.read_bytes() for path in sorted(REQUESTS.glob("*/requests/*.json"))]
    for number, data in enumerate([*BYTES, *recorded]):
        Path(directory, str(number)).write_bytes(data[:MAX_BYTES])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**31))
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not installed: pip install atheris, on Python 3.11 or 3.12")
        return 2
    print(f"{machine()}; --seed {options.seed}", flush=True)
    from tests.service.parsers import PARSERS

    total, crashes = 0, list[str]()
    for name in PARSERS:
        begun = time.monotonic()
        with tempfile.TemporaryDirectory() as directory:
            corpus(directory)
            limits = [f"-runs={options.runs // len(PARSERS)}", f"-seed={options.seed}"]
            limits += [f"-max_len={MAX_BYTES}", "-timeout=20", f"-artifact_prefix={directory}/"]
            command = [sys.executable, "-m", "bench.fuzz_parsers", "--parser", name]
            found = subprocess.run(
                [*command, *limits, directory], capture_output=True, text=True, check=False
            )
        done = DONE.search(found.stderr)
        total += int(done[1]) if done else 0
        if found.returncode or not done:
            crashes.append(name)
            print(found.stdout[-3000:], found.stderr[-3000:], sep="\n")
        print(
            f"{name}: {done[1] if done else 'no'} runs, {time.monotonic() - begun:.0f} s",
            flush=True,
        )
    seen = f"{total:,} inputs to {len(PARSERS)} parsers: {len(crashes)} crashed"
    return conclude("fuzz-parsers", seen, reached=not crashes, keep=options.record)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--parser"]:
        fuzz(sys.argv[2], [sys.argv[0], *sys.argv[3:]])
    sys.exit(main())
