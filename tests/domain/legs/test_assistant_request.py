"""The wait of a repeated webhook for the assistant that the first one asks for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from app.domain.legs.assistant_request import GRACE_SECONDS, LOOK_SECONDS, AssistantRequests

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TIMEOUT = 7.5


class Waiting(AssistantRequests):
    """A call whose first webhook died while it asked."""

    def __init__(self, asked_ago: float) -> None:
        self.passed = 0.0
        context: Any = SimpleNamespace(
            settings=SimpleNamespace(assistant_request_seconds=TIMEOUT),
            now=lambda: NOW + timedelta(seconds=self.passed),
        )
        super().__init__(context, self._pass, lambda: self.passed)
        since = NOW - timedelta(seconds=asked_ago)
        self.call: Any = SimpleNamespace(facts=SimpleNamespace(asking_since=since))

    def _pass(self, seconds: float) -> None:
        self.passed += seconds

    def _row(self, call_id: str) -> Any:
        return self.call


@pytest.mark.parametrize(
    ("asked_ago", "waits"),
    [
        (0, TIMEOUT + GRACE_SECONDS),
        (5, TIMEOUT + GRACE_SECONDS - 5),
        (3600, 0),
        (-120, TIMEOUT + GRACE_SECONDS),  # the clock was set back: its caller hears silence so long
    ],
)
def test_it_ends_with_the_requests_timeout(asked_ago: float, waits: float) -> None:
    waiting = Waiting(asked_ago)
    assert waiting._awaited("call") is waiting.call
    assert waiting.passed == pytest.approx(waits, abs=2 * LOOK_SECONDS)
