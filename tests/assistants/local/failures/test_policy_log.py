"""Each failure of a vendor is a line of the log, up to a bound for one call."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from app.assistants.local.failures.policy import MAX_LOGGED, FailurePolicy
from app.assistants.local.services import Stage


def test_failures_are_logged_up_to_a_bound(caplog: pytest.LogCaptureFixture) -> None:
    parts: Any = SimpleNamespace(provider=lambda stage: "openai")
    policy = FailurePolicy(SimpleNamespace(), parts)  # type: ignore[arg-type]
    for number in range(MAX_LOGGED + 5):
        policy._log_failure(Stage.MODEL, f"headers: {{'authorization': 'key'}}, failed {number}")
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == MAX_LOGGED
    assert lines[0] == "a vendor failed: openai (model): failed 0"
    assert lines[-1].endswith("; later ones of this call are not logged")
