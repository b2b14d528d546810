"""A few random histories of the service; ``python -m bench.stateful`` tries thousands."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase
from hypothesis import settings as of_hypothesis
from hypothesis.stateful import run_state_machine_as_test

from app.settings import Settings
from tests.service.machine import Machine
from tests.service.served import serving

FEW = of_hypothesis(
    max_examples=4,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=[*HealthCheck],
    phases=[Phase.reuse, Phase.generate],
    report_multiple_bugs=False,
)
"""A failure is shown as it was found: to shrink it takes minutes, which the bench has."""


def test_random_histories(settings: Settings) -> None:
    with serving(settings) as service:
        machine = type("Service", (Machine,), {"service": service})
        run_state_machine_as_test(machine, settings=FEW)
