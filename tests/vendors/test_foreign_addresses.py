"""Addresses that a client chose: asked where they were found to lead, or not at all.

A name was judged when it was stored, and its owner may lead it to our own network since.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from app.vendors.common.account import VendorAccount, VendorAccounts
from app.vendors.common.errors import UnbuildableAssistant
from app.vendors.common.tts_part import Custom
from app.vendors.llm import make_model
from app.vendors.registry import tts_parts
from app.vendors.stt import make_transcriber
from app.vendors.tts import make_voice
from tests.clock import on_loop
from tests.fakes.vendors.anthropic import Anthropic
from tests.fakes.vendors.chat import Chat
from tests.fakes.vendors.custom_transcriber import CustomTranscriber
from tests.fakes.vendors.openai_speech import OpenAISpeech
from tests.fakes.vendors.served import Fault
from tests.vendors.hearing import hearing
from tests.vendors.speaking import speak
from tests.vendors.transcriber_cases import SCRIPT
from tests.vendors.turn import turn

NAME = "vendor.example"
"""Does not resolve."""
WHY = "127.0.0.1 is not a public address"


class Rule:
    """Of whose addresses may be called. ``places``: where every name leads; none: it may not."""

    def __init__(self, *places: str) -> None:
        self.asked = list[str]()
        self._places = places

    def __call__(self, url: str) -> Sequence[str]:
        self.asked.append(url)
        if not self._places:
            raise ValueError(WHY)
        return self._places


def named(url: str) -> str:
    return url.replace("127.0.0.1", NAME)


def account(vendor: str, url: str) -> VendorAccounts:
    """As a client stores it."""
    return {vendor: VendorAccount("key", url, client_supplied=True)}


def chosen(vendor: str, url: str) -> tuple[dict[str, Any], VendorAccounts]:
    """A model at an address of the assistant, or of its credential."""
    config = {"provider": vendor, "model": "a-model"}
    return (
        ({**config, "url": url}, {}) if vendor == "custom-llm" else (config, account(vendor, url))
    )


MODELS = pytest.mark.parametrize(
    ("vendor", "stand_in"),
    [
        ("custom-llm", Chat),  # the assistant's model.url
        ("openai", Chat),  # a credential's apiUrl
        ("azure-openai", Chat),  # has a client of its own
        ("anthropic", Anthropic),  # so has it
    ],
)


@MODELS
@on_loop
async def test_a_model_is_asked_where_its_name_was_found_to_lead(
    vendor: str, stand_in: type[Chat]
) -> None:
    rule = Rule("127.0.0.1")
    async with stand_in() as served:
        config, keys = chosen(vendor, named(served.url))
        heard = await turn(make_model(config, keys, addresses=rule))
    assert (heard.errors, len(served.asked)) == ([], 1)
    assert served.asked[0].headers["host"].startswith(f"{NAME}:")
    assert rule.asked[0].startswith(named(served.url))


@on_loop
async def test_a_models_second_attempt_goes_to_its_second_address() -> None:
    async with Chat() as served:
        served.faults = [Fault(refused=True)]
        config, keys = chosen("custom-llm", named(served.url))
        heard = await turn(make_model(config, keys, addresses=Rule("127.0.0.1", "127.0.0.1")))
    assert (heard.errors, len(served.asked)) == ([], 2)


@MODELS
@on_loop
async def test_a_model_is_not_asked_where_it_may_not_be(vendor: str, stand_in: type[Chat]) -> None:
    async with stand_in() as served:
        heard = await turn(make_model(*chosen(vendor, served.url), addresses=Rule()))
    assert (len(heard.errors), served.asked) == (1, [])


@on_loop
async def test_the_operators_own_model_may_be_anywhere() -> None:
    async with Chat() as served:
        keys = {"openai": VendorAccount("key", served.url)}
        await turn(make_model({"provider": "openai"}, keys, addresses=Rule()))
    assert len(served.asked) == 1


@on_loop
async def test_a_transcriber_is_reached_where_its_name_was_found_to_lead() -> None:
    async with CustomTranscriber(*SCRIPT) as vendor:
        url = named(vendor.url).replace("http", "ws")
        config = {"provider": "custom-transcriber", "server": {"url": url}}
        rule = Rule("127.0.0.1")
        made = make_transcriber(config, {}, 8000, rule)
        assert made is not None
        async with hearing(made, 8000) as room:
            await room.say("book")
            await room.until(lambda: bool(room.finals))
    assert rule.asked == [url.replace("ws", "http", 1)]


@on_loop
async def test_a_transcriber_is_not_reached_where_it_may_not_be() -> None:
    async with CustomTranscriber(*SCRIPT) as vendor:
        config = {"provider": "custom-transcriber", "server": {"url": vendor.url}}
        made = make_transcriber(config, {}, 8000, Rule())
        assert made is not None
        async with hearing(made, 8000) as room:
            await room.until(lambda: bool(room.errors))
        assert vendor.asked == []


@pytest.mark.parametrize("vendor", ["deepgram", "gladia", "assembly-ai", "talkscriber"])
def test_a_credentials_transcriber_is_not_made_where_it_may_not_be(vendor: str) -> None:
    with pytest.raises(UnbuildableAssistant, match=WHY):
        make_transcriber({"provider": vendor}, account(vendor, "https://a.example"), 8000, Rule())


@on_loop
async def test_a_voice_is_asked_where_its_name_was_found_to_lead() -> None:
    async with OpenAISpeech() as standin:
        keys = account("openai", f"{named(standin.url)}/v1")
        voice = {"provider": "openai", "voiceId": "alloy"}
        made = make_voice(voice, keys, 8000, custom=Custom(Rule("127.0.0.1")))
        spoken = await speak(made, ["Hello."], 8000)
    assert (spoken.errors, len(standin.asked)) == ([], 1)


@pytest.mark.parametrize("vendor", [n for n, part in tts_parts().items() if part.needs_account])
def test_a_voice_is_not_made_where_it_may_not_be(vendor: str) -> None:
    voice = {"provider": vendor, "voiceId": "x"}
    with pytest.raises(UnbuildableAssistant, match=WHY):
        make_voice(voice, account(vendor, "https://a.example"), 8000, custom=Custom(Rule()))
