"""Lines about strangers: a few a minute, and none is lost without a word."""

from __future__ import annotations

import logging
import time

import pytest

from app.telemetry.once_a_minute import FEW, PAUSE, WORDS, FewLines, OnceAMinute

log = logging.getLogger(__name__)


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    found = [record.getMessage() for record in caplog.records]
    caplog.clear()
    return found


def test_words_are_counted_and_told_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    told = OnceAMinute(log, "closed: %s")
    assert not told.tell(0.0)
    for word in ("slow", "slow", "full"):
        told.add(word)
    assert told.tell(1.0, "; more")
    assert lines(caplog) == ["closed: 2 slow, 1 full; more"]
    told.add("full")
    assert not told.tell(1.0 + PAUSE - 1)
    assert told.tell(1.0 + PAUSE)
    assert lines(caplog) == ["closed: 1 full"]


def test_words_are_bounded() -> None:
    told = OnceAMinute(log, "%s")
    for number in range(WORDS * 2):
        told.add(str(number))
    assert len(told._counted) == WORDS


def test_the_first_lines_are_whole(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    few = FewLines(log)
    for number in range(FEW + 7):
        few.warning("refused %s", number)
    assert lines(caplog) == [f"refused {number}" for number in range(FEW)]
    now[0] += PAUSE
    few.warning("refused %s", "later")
    assert lines(caplog) == ["7 more lines like the next were left out", "refused later"]
