"""Every carrier can be played by the tests."""

from __future__ import annotations

from providers.registry import PROVIDERS
from tests.fakes.carriers import FAKES


def test_every_carrier_has_a_fake() -> None:
    assert set(FAKES) == set(PROVIDERS)
