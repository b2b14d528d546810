"""Every scenario of both simulators, against a whole bridge, over real HTTP and websockets."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from providers.twilio import simulator as twilio
from providers.vonage import simulator as vonage
from tests.bridge import Bridge

SPEED = 0.1
"""Of real time: pauses of talkers are not what is tested."""

CASES = [(carrier, name) for carrier in (twilio, vonage) for name in carrier.SCENARIOS]


@pytest.mark.parametrize(
    ("carrier", "name"), CASES, ids=[f"{c.__name__.split('.')[1]}-{n}" for c, n in CASES]
)
def test_scenario(bridge: Bridge, carrier: ModuleType, name: str) -> None:
    config: Any = carrier.config_from_environment(bridge.environ, speed=SPEED)
    lines: list[str] = []
    result = carrier.run(name, config, lines.append)
    assert result.ok, "\n".join(lines)
