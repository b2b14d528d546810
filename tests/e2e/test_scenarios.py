"""Every scenario of both simulators, against a whole bridge, over real HTTP and websockets."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from app.vendors.embedded import pocketsphinx
from providers.simulation.scenario import Speech
from providers.twilio import simulator as twilio
from providers.vonage import simulator as vonage
from tests.bridge import KEY, Bridge, free_port
from tests.databases import fresh_database
from tests.spawner import WarmBridge

SPEED = 0.1
"""Of real time: pauses of talkers are not what is tested."""
TIMEOUT = 60.0
"""Seconds for what takes one: the machine may be busy."""

TO_OPERATOR = {
    "warm-transfer-assistant": "here is the caller",
    "warm-transfer-assistant-dialled": "here is the caller",
    "warm-transfer-assistant-declined": "all right",
}
"""The last words of a transfer assistant, by scenario: the operator hears them, the caller does not."""
PHRASES = (*sorted({*TO_OPERATOR.values()}), "please hold the line", "we are closed today")

CASES = [(carrier, name) for carrier in (twilio, vonage) for name in carrier.SCENARIOS]
ONE_SLOT = [case for case in CASES if case[1].startswith("queue")]
AT_UPSTREAM = [case for case in CASES if case[1].startswith("upstream")]
SPEECH = [case for case in CASES if case[1] == "speech-to-speech"]
OTHERS = [case for case in CASES if case not in [*ONE_SLOT, *AT_UPSTREAM, *SPEECH]]


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


@pytest.fixture(scope="module")
def with_upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    """A bridge whose upstream is another one, and whose model is simulated."""
    there, here = tmp_path_factory.mktemp("upstream"), tmp_path_factory.mktemp("bridge")
    with (
        fresh_database(there) as their_url,
        Bridge(their_url, there, ASSISTANT_BACKEND="local") as theirs,
        fresh_database(here) as url,
        Bridge(
            url,
            here,
            OPENAI_API_KEY="key",
            OPENAI_BASE_URL=f"http://127.0.0.1:{free_port()}/v1",
            VAPI_BASE_URL=theirs.url,
            VAPI_API_KEY=KEY,
            VAPI_PHONE_NUMBER_ID=theirs.number_id("twilio"),
        ) as running,
    ):
        yield running


@pytest.mark.parametrize(("carrier", "name"), [*AT_UPSTREAM, *SPEECH], ids=named)
def test_scenario_of_a_bridge_with_others_behind_it(
    with_upstream: Bridge, carrier: ModuleType, name: str
) -> None:
    play(with_upstream, carrier, name)


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
    if words := TO_OPERATOR.get(name):
        assert recognised(result.speech["operator"]) == words
        assert recognised(result.speech["caller"]) != words


def recognised(heard: Speech) -> str:
    """The one of ``PHRASES`` that it sounds like, by the embedded recogniser; empty: none."""
    return asyncio.run(pocketsphinx.listen(heard.pcm, heard.rate, PHRASES))
