"""Every scenario of both simulators, against a whole bridge, over real HTTP and websockets."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from providers.twilio import simulator as twilio
from providers.vonage import simulator as vonage
from tests.bridge import Bridge
from tests.databases import fresh_database
from tests.spawner import WarmBridge

SPEED = 0.1
"""Of real time: pauses of talkers are not what is tested."""
TIMEOUT = 60.0
"""Seconds for what takes one: the machine may be busy."""

CASES = [(carrier, name) for carrier in (twilio, vonage) for name in carrier.SCENARIOS]
ONE_SLOT = [case for case in CASES if case[1].startswith("queue")]
OTHERS = [case for case in CASES if case not in ONE_SLOT]


def named(case: object) -> str:
    return case.__name__.split(".")[1] if isinstance(case, ModuleType) else str(case)


@pytest.fixture(scope="module")
def one_slot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    directory = tmp_path_factory.mktemp("bridge")
    with (
        fresh_database(directory) as url,
        WarmBridge(url, directory, MAX_CONCURRENT_CALLS="1") as running,
    ):
        yield running


@pytest.mark.parametrize(("carrier", "name"), OTHERS, ids=named)
def test_scenario(bridge: Bridge, carrier: ModuleType, name: str) -> None:
    play(bridge, carrier, name)


@pytest.mark.parametrize(("carrier", "name"), ONE_SLOT, ids=named)
def test_scenario_of_a_bridge_that_is_full(
    one_slot: Bridge, carrier: ModuleType, name: str
) -> None:
    play(one_slot, carrier, name)


def play(bridge: Bridge, carrier: ModuleType, name: str) -> None:
    config: Any = carrier.config_from_environment(bridge.environ, speed=SPEED, timeout=TIMEOUT)
    lines: list[str] = []
    result = carrier.run(name, config, lines.append)
    assert result.ok, "\n".join(lines)
