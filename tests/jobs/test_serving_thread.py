"""The thread that serves: whatever it stumbles over, it is there again."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from app.jobs import serving_thread
from app.jobs.serving_thread import ServingThread
from app.store.engine import Store
from tests.fakes.client_server import PATIENCE


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving_thread, "TAKE_OVER", 0.01)


def test_what_fails_is_begun_again(store: Store) -> None:
    served, failures = threading.Event(), [OSError("too many open files")]

    def serve() -> None:
        if failures:
            raise failures.pop()
        served.set()

    thread = ServingThread(store, "jobs", serve, lambda: None)
    thread.start()
    assert served.wait(PATIENCE)
    thread.stop(PATIENCE)


def test_a_thread_that_was_refused_stops_and_starts_later(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = threading.Event()
    thread = ServingThread(store, "jobs", served.set, lambda: None)

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError):
            thread.start()
    thread.stop(PATIENCE)
    thread.start()
    assert served.wait(PATIENCE)
    thread.stop(PATIENCE)


def test_a_lock_file_that_cannot_be_opened_is_tried_again(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """Else this process would never take over from the one that dies."""
    served, lock = threading.Event(), Path(f"{store.url.database}.jobs.lock")
    if store.is_sqlite:
        lock.mkdir()
    thread = ServingThread(store, "jobs", served.set, lambda: None)
    thread.start()
    if store.is_sqlite:
        while not caplog.records:
            assert not served.wait(0.01)
        lock.rmdir()
    assert served.wait(PATIENCE)
    thread.stop(PATIENCE)
