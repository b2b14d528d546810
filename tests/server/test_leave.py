"""The end of a process whose database is damaged, where the system has no thread for it."""

from __future__ import annotations

import os
import threading

import pytest

from app.jobs.foreground import Foreground
from app.server.leave import leave


def test_without_a_thread_the_process_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked once: a process that stayed would refuse all that is asked of it, for good."""
    ends = list[int]()

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    monkeypatch.setattr(os, "_exit", ends.append)
    leave(Foreground())
    assert ends == [1]
