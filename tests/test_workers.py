"""Tests in forked workers: each runs once in each part, and one that ends its worker has failed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from multiprocessing import Pipe
from pathlib import Path

import pytest

from tests.workers import Part, Worker

ROOT = Path(__file__).parents[1]
TESTS = """
import os, pytest
@pytest.mark.parametrize("n", range(9))
def test_good(n, tmp_path): assert tmp_path.is_dir()
def test_bad(): print("a hint"); assert 1 == 2
def test_ends_its_worker(): os._exit(3)
@pytest.mark.database
def test_of_the_store(): assert os.environ.get("TEST_DATABASE_URL") == "the url", os.environ
"""


def run(directory: Path, *arguments: str) -> str:
    (directory / "pytest.ini").write_text("[pytest]\nmarkers = database\n")
    command = [sys.executable, "-m", "pytest", "-v", "-p", "tests.workers", "-p", "no:randomly"]
    done = subprocess.run(
        [*command, *arguments],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def test_each_is_run_once_and_those_of_the_store_again(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(TESTS)
    (tmp_path / "test_other.py").write_text("def test_other(): pass")
    shown = run(tmp_path, "--workers", "3", "--postgresql", "the url")
    assert "3 failed, 11 passed" in shown
    assert set(re.findall(r"^FAILED test_it.py::(\S+)", shown, re.MULTILINE)) == {
        "test_bad",
        "test_ends_its_worker",
        "test_of_the_store",  # and not again on PostgreSQL, whose URL it has then
    }
    assert "the worker ended with status 3 in this test" in shown
    assert "a hint" in shown


def test_the_first_failure_may_end_it(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(TESTS)
    assert "stopping after 1 failures" in run(tmp_path, "--workers", "2", "-x")


@pytest.mark.parametrize("files", [[1], [5, 1], [1, 1, 9], []])
def test_half_of_what_another_has_left_is_taken(files: list[int]) -> None:
    tests = [(file, number) for file, count in enumerate(files) for number in range(count)]
    part = Part([(file, number) for number, (file, _) in enumerate(tests)])
    workers = [Worker(0, Pipe()[0], part) for _ in range(3)]
    taken = list[int]()
    while len(numbers := [n for each in workers if (n := each.next()) is not None]):
        taken += numbers
    assert sorted(taken) == [*range(len(tests))]
    assert part.left() == 0
