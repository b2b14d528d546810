"""A request to every operation; ``python -m bench.fuzz_api`` sends 100,000."""

from __future__ import annotations

from bench.fresh import new_app
from tests.service.fuzz import fuzzing


def test_requests_made_from_the_document() -> None:
    with new_app() as app:
        fuzz = fuzzing(app)
        fuzz.run(examples=1, seed=1, both=False)
    assert not fuzz.wrong
    assert fuzz.statuses.total() > 30
    assert {200, 400, 404} <= fuzz.statuses.keys()
