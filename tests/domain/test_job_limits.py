"""A few at a time."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Event, Thread
from typing import Any, cast

import pytest

from app.domain.job_limits import limit_concurrency


def test_whoever_finds_no_place_looks_again() -> None:
    inside, go = Event(), Event()

    @limit_concurrency(1, 7.0)
    def slow(context: Any, payload: Mapping[str, Any]) -> float | None:
        inside.set()
        assert go.wait(20)
        return None

    first = Thread(target=slow, args=(cast(Any, None), {}))
    first.start()
    assert inside.wait(20)
    assert slow(cast(Any, None), {}) == 7.0
    go.set()
    first.join()
    assert slow(cast(Any, None), {}) is None


def test_a_place_is_free_again_after_a_failure() -> None:
    @limit_concurrency(1, 7.0)
    def fails(context: Any, payload: Mapping[str, Any]) -> float | None:
        raise ValueError

    for _ in range(2):
        with pytest.raises(ValueError):
            fails(cast(Any, None), {})
