"""How many inputs a property tries: more in a search than in the suite."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings

USUAL = 100
"""Hypothesis's own number, which the suite's profile keeps."""


def examples(count: int, **others: Any) -> settings:
    """``count`` inputs in the suite, and as many times more in a profile that tries more.

    A property that is dear tries fewer than the usual 100, or has more ways to fail and tries more.
    """
    return settings(max_examples=max(1, count * settings.default.max_examples // USUAL), **others)


def with_one_store(count: int = USUAL) -> settings:
    """For a property with a fixture, such as a store, which its inputs share."""
    return examples(count, suppress_health_check=[HealthCheck.function_scoped_fixture])
