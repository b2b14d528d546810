"""One holder among the processes of a machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from app.store.machine_lock import machine_lock

HOLDER = """
import sys
from app.store.machine_lock import machine_lock
with machine_lock(sys.argv[1]) as ours:
    print(ours, flush=True)
    sys.stdin.read()
"""


def test_one_holds_it_until_the_end_of_its_block(tmp_path: Path) -> None:
    path = f"{tmp_path}/a.lock"
    with machine_lock(path) as first:
        with machine_lock(path) as second, machine_lock(f"{tmp_path}/b.lock") as other:
            assert (first, second, other) == (True, False, True)
        with machine_lock(path) as third:
            assert not third
    with machine_lock(path) as fourth:
        assert fourth


def test_the_death_of_its_holder_frees_it(tmp_path: Path) -> None:
    path = f"{tmp_path}/a.lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"True\n"
        with machine_lock(path) as ours:
            assert not ours
        holder.kill()
        holder.wait()
        with machine_lock(path) as ours:
            assert ours
