"""The thread that writes recordings: in order, within a bound, and never in the way of the sound."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.media.recording import disk, recorder, spool
from app.media.recording.disk import Disk
from app.media.recording.recorder import BUFFER, FileSide, Recorder
from app.media.recording.spool import SpooledRecorder
from tests.media.domain import Domain
from tests.media.recording.test_spool import BEGAN, claim

PATIENCE = 30.0
RATE = 8000


class Hanging(Disk):
    """Hangs from the start until it is freed."""

    def __init__(self) -> None:
        super().__init__()
        self.free = threading.Event()
        self.do(lambda: bool(self.free.wait(PATIENCE)))


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hanging]:
    made = Hanging()
    monkeypatch.setattr(recorder, "DISK", made)
    yield made
    made.free.set()


def test_one_after_the_other() -> None:
    made, done = Disk(), list[int]()
    for number in range(100):
        made.do(lambda number=number: done.append(number))  # type: ignore[misc]
    assert made.wait(PATIENCE)
    assert done == [*range(100)]


def test_one_that_fails_costs_no_other(caplog: pytest.LogCaptureFixture) -> None:
    made, done = Disk(), list[int]()
    made.do(lambda: [][0])
    made.do(lambda: done.append(1))
    assert made.wait(PATIENCE)
    assert done == [1]
    assert "a recording was not written" in caplog.text


def test_sound_waits_for_no_disk(tmp_path: Path, hanging: Hanging) -> None:
    made = Recorder(RATE, tmp_path, lambda: 0.0)
    made.heard(bytes(10 * BUFFER))
    made.close()
    assert (tmp_path / recorder.CALLER).stat().st_size == 0
    hanging.free.set()
    assert hanging.wait(PATIENCE)
    assert (tmp_path / recorder.CALLER).stat().st_size == 10 * BUFFER


def test_what_waits_is_bounded(
    tmp_path: Path, hanging: Hanging, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "MOST_WAITING", 2 * BUFFER)
    made = FileSide(tmp_path / "side", RATE)
    made.put(0, bytes(2 * BUFFER))
    made.settle(made.end)
    made.put(made.end, bytes(BUFFER))
    with pytest.raises(OSError, match="does not keep up"):
        made.settle(made.end)
    hanging.free.set()
    assert hanging.wait(PATIENCE)
    hanging.do(lambda: None, 2 * BUFFER)  # there is room again


@pytest.fixture
def on_full_disk(tmp_path: Path) -> Iterator[SpooledRecorder]:
    """Its first write fails."""
    made = SpooledRecorder(tmp_path, claim(Domain()), RATE, lambda: 0.0, BEGAN)
    with Path("/dev/full").open("wb") as full:
        made._recorder._caller.file._file = full  # type: ignore[assignment]
        yield made


def test_a_full_disk_ends_the_recording_and_is_told(
    on_full_disk: SpooledRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    on_full_disk.heard(bytes(BUFFER))
    assert disk.DISK.wait(PATIENCE)
    with caplog.at_level(logging.ERROR):
        on_full_disk.heard(bytes(BUFFER))
    assert "ends early" in caplog.text
    on_full_disk.close()
    assert on_full_disk.written.wait(PATIENCE)
    assert caplog.text.count("ends early") == 1


def test_a_disk_that_fails_at_the_last_is_told(
    on_full_disk: SpooledRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    on_full_disk.heard(bytes(10))
    on_full_disk.close()
    assert on_full_disk.written.wait(PATIENCE)
    assert caplog.text.count("ends early") == 1


def test_without_a_thread_the_recording_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    made, without = SpooledRecorder(tmp_path, claim(Domain()), RATE, lambda: 0.0, BEGAN), Disk()
    for module in (recorder, spool):
        monkeypatch.setattr(module, "DISK", without)
    with monkeypatch.context() as refused:
        refused.setattr(threading.Thread, "start", refuse)
        made.heard(bytes(BUFFER))
        made.close()
    assert made.written.is_set()
    assert "ends early" in caplog.text
