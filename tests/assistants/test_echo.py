"""The echo: repeats, answers keys, ends on ``#``."""

from __future__ import annotations

import asyncio

import pytest

from app.assistants import BACKENDS
from app.settings import BACKENDS as SETTING
from providers.common.dtmf import COLUMNS, ROWS, tone
from providers.events import EndedReason
from tests.clock import on_loop
from tests.fakes.carriers.base import Caller
from tests.media.domain import Domain
from tests.media.server import BY_NAME, calling, listen, listen_to_the_end, loud, serving


def test_setting_allows_exactly_what_there_is() -> None:
    assert set(SETTING) == set(BACKENDS)


@BY_NAME
@on_loop
async def test_says_back_what_it_hears(caller: Caller) -> None:
    spoken = [loud(caller, level=level) for level in range(1000, 30000, 1000)]
    async with serving(Domain()) as served, calling(served, caller) as carrier:
        for pcm in spoken:
            await carrier.send(caller.sound(pcm))
        whole = b"".join(spoken)
        assert await listen(caller, carrier, len(whole)) == whole


@BY_NAME
@on_loop
async def test_hash_ends_the_call_after_its_tone_and_the_intent(caller: Caller) -> None:
    domain = Domain()
    async with serving(domain) as served, calling(served, caller) as carrier:
        await carrier.send(caller.digit("5"))
        await carrier.send(caller.digit("#"))
        heard = await listen_to_the_end(caller, carrier)
        assert carrier.close_code == 1000
    assert len(heard) == 2 * len(tone("#", caller.rate))
    ended = ("intend", "token-1", EndedReason.ASSISTANT_ENDED_CALL, None)
    assert [told for told in domain.told if told[0] == "intend"] == [ended]
    assert domain.words() == ["claim", "joined", "intend"]


@pytest.mark.parametrize(
    ("key", "low", "high"),
    [
        ("1", 697, 1209),
        ("0", 941, 1336),
        ("#", 941, 1477),
        ("D", 941, 1633),  # only odd phones have it
    ],
)
def test_tone_is_the_keys_own(key: str, low: int, high: int) -> None:
    import math

    pcm = tone(key, 8000)
    samples = [int.from_bytes(pcm[n : n + 2], "little", signed=True) for n in range(0, len(pcm), 2)]

    def strength(hertz: int) -> float:
        turn = 2 * math.pi * hertz / 8000
        real = sum(sample * math.cos(turn * n) for n, sample in enumerate(samples))
        imaginary = sum(sample * math.sin(turn * n) for n, sample in enumerate(samples))
        return math.hypot(real, imaginary)

    assert len(samples) == 1600
    by_strength = sorted((*ROWS, *COLUMNS), key=strength)
    assert set(by_strength[-2:]) == {low, high}


@BY_NAME
@on_loop
async def test_carrier_that_leaves_ends_it_quietly(caller: Caller) -> None:
    domain = Domain()
    async with serving(domain) as served:
        async with calling(served, caller):
            await domain.hears("joined")
        await domain.hears("lost")
        await asyncio.wait_for(served.application.hub.drain(), 10)
    assert domain.words() == ["claim", "joined", "lost"]
