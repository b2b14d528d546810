"""A small sample of ``python -m bench.crash``: one kill in each of four steps."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from app.failpoints.points import POINTS, STEPS
from bench.crash.__main__ import Trial, run
from bench.crash.checks import Faults
from bench.crash.stories import ONLY_POSTGRESQL, STORIES

SAMPLE = {
    "timer.before": "phone-call-provider-bypass-enabled-but-no-call-received",
    "dial-request.before": "server-shutdown",
    "dial-request.after": "customer-ended-call",
    "delivery-request.after": "customer-ended-call",
}
"""A fail-point, and how its call ends."""


def test_a_kill_loses_and_doubles_nothing() -> None:
    with ThreadPoolExecutor(len(SAMPLE)) as pool:
        seen = list(pool.map(lambda point: run(Trial(point, 0)), SAMPLE))
    assert seen == [(Faults(), ended) for ended in SAMPLE.values()]


def test_every_step_has_its_story() -> None:
    assert STORIES.keys() == STEPS.keys()
    assert POINTS.keys() >= ONLY_POSTGRESQL
