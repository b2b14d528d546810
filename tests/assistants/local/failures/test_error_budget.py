"""Which error is the last straw, and which is blamed."""

from __future__ import annotations

import pytest

from app.assistants.local.failures.error_budget import FORGOTTEN_SECONDS, ErrorBudget, Fault
from app.assistants.local.services import Stage

ONE, TWO = Fault("quota", "quota"), Fault("completed with no audio")


def test_a_model_is_blamed_at_once() -> None:
    assert ErrorBudget().add(Stage.MODEL, ONE, usable=True) == ONE


def test_the_first_of_two_errors_is_the_cause() -> None:
    faults = ErrorBudget()
    assert faults.add(Stage.VOICE, ONE, usable=True) is None
    assert faults.add(Stage.VOICE, TWO, usable=True) == ONE


def test_an_old_error_is_forgotten() -> None:
    now = [0.0]
    faults = ErrorBudget(lambda: now[0])
    faults.add(Stage.VOICE, ONE, usable=True)
    now[0] += FORGOTTEN_SECONDS
    assert faults.first(Stage.VOICE) is None
    assert faults.add(Stage.VOICE, TWO, usable=True) is None


@pytest.mark.parametrize("count", [1, 20])
def test_a_transcriber_tries_until_it_gives_up(count: int) -> None:
    faults = ErrorBudget()
    tries = [faults.add(Stage.TRANSCRIBER, ONE, usable=True) for _ in range(count)]
    assert tries == [None] * count
    assert faults.add(Stage.TRANSCRIBER, TWO, usable=False) == ONE
