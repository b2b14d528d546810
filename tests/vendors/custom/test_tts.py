"""Whose servers a custom voice asks."""

from __future__ import annotations

from typing import Any

from pipecat.services.tts_service import TTSService

from app.net.authentication import Bearer, Unusable
from app.vendors.common.account import VendorAccount
from app.vendors.common.tts_part import Custom
from app.vendors.tts import make_voice
from tests.clock import on_loop
from tests.fakes.vendors.custom_voice import CustomVoice
from tests.fakes.vendors.standin import StandIn
from tests.vendors.cases import BY_PROVIDER, BYE, HELLO
from tests.vendors.speaking import speak


def custom(standin: StandIn, host: str, addresses: Any) -> TTSService:
    url = standin.url.replace("127.0.0.1", host)
    config = {"provider": "custom-voice", "server": {"url": url}}
    return make_voice(config, {}, 8000, custom=Custom(addresses) if addresses else None)


@on_loop
async def test_a_custom_voice_is_reached_at_the_address_that_was_checked() -> None:
    checked = list[str]()

    def addresses(url: str) -> list[str]:
        checked.append(url)
        return ["127.0.0.1"]

    async with CustomVoice() as standin:
        made = custom(standin, "voice.example", addresses)  # a name that does not resolve
        spoken = await speak(made, [HELLO, BYE], 8000)
        url = standin.url.replace("127.0.0.1", "voice.example")
    assert spoken.errors == []
    assert checked == [url, url]
    assert standin.asked[0].headers["Host"].startswith("voice.example:")


@on_loop
async def test_a_custom_voice_is_not_asked_where_it_may_not_be() -> None:
    def addresses(url: str) -> list[str]:
        raise ValueError("127.0.0.1 is not a public address")

    async with CustomVoice() as standin:
        spoken = await speak(custom(standin, "127.0.0.1", addresses), [HELLO], 8000)
    assert standin.asked == []
    assert "127.0.0.1 is not a public address" in spoken.errors[0][0]


@on_loop
async def test_a_custom_voice_is_not_asked_without_a_rule() -> None:
    async with CustomVoice() as standin:
        spoken = await speak(custom(standin, "127.0.0.1", None), [HELLO], 8000)
    assert standin.asked == []
    assert "asks no servers" in spoken.errors[0][0]


@on_loop
async def test_a_custom_voice_is_not_followed_elsewhere() -> None:
    async with CustomVoice() as other, CustomVoice(status=302, moved=other.url) as standin:
        made = BY_PROVIDER["custom-voice"].made(standin, 8000)
        spoken = await speak(made, [HELLO], 8000)
    assert other.asked == []
    assert "302" in spoken.errors[0][0]


@on_loop
async def test_a_custom_voices_requests_are_signed() -> None:
    async with CustomVoice() as standin:
        server = {
            "url": standin.url,
            "secret": "s3cret",
            "headers": {"X-Own": "1"},
            "credentialId": "mine",
        }
        signer = Bearer({"type": "bearer", "token": "t"})
        config = {"provider": "custom-voice", "server": server}
        accounts = {"custom-voice": VendorAccount(signers={"mine": signer})}
        made = make_voice(config, accounts, 8000, custom=Custom(lambda _: ["127.0.0.1"]))
        spoken = await speak(made, [HELLO], 8000)
    assert spoken.errors == []
    headers = standin.asked[0].headers
    assert headers["Authorization"] == "Bearer t"
    assert (headers["X-Vapi-Secret"], headers["X-Own"]) == ("s3cret", "1")
    assert len(headers["X-Vapi-Signature"]) == 64


@on_loop
async def test_a_custom_voice_without_its_credential_says_so() -> None:
    async with CustomVoice() as standin:
        gone = {"x": Unusable("credential x does not exist")}
        accounts = {"custom-voice": VendorAccount(signers=gone)}
        server = {"url": standin.url, "credentialId": "x"}
        config = {"provider": "custom-voice", "server": server}
        made = make_voice(config, accounts, 8000, custom=Custom(lambda _: ["127.0.0.1"]))
        spoken = await speak(made, [HELLO], 8000)
    assert standin.asked == []
    assert "credential x does not exist" in spoken.errors[0][0]


@on_loop
async def test_a_custom_voice_gets_no_other_servers_credential() -> None:
    async with CustomVoice() as standin:
        other = Bearer({"type": "bearer", "token": "t"})
        accounts = {"custom-voice": VendorAccount(signers={"another's": other})}
        config = {"provider": "custom-voice", "server": {"url": standin.url}}
        made = make_voice(config, accounts, 8000, custom=Custom(lambda _: ["127.0.0.1"]))
        await speak(made, [HELLO], 8000)
    assert "Authorization" not in standin.asked[0].headers
