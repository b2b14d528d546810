"""A call whose assistant has one of Vapi's own voices: who speaks, and who is told to have spoken."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from app.vendors.common.account import VendorAccount
from tests.assistants.local.talk import talking, vendors
from tests.clock import on_loop
from tests.fakes.carriers.twilio import TwilioCaller
from tests.fakes.vendors.openai_speech import OpenAISpeech

HELLO = "Hello there."
ELLIOT = {"provider": "vapi", "voiceId": "Elliot", "version": 2, "speed": 1.1}


async def spoken(voice: dict[str, Any], standin: OpenAISpeech) -> list[Any]:
    """The items of usage of a call that begins with a sentence."""
    async with vendors() as theirs:
        keys = {"openai": VendorAccount("key", f"{standin.url}/v1")}
        assistant = {"firstMessage": HELLO, "voice": voice}
        async with talking(TwilioCaller(), assistant, theirs, keys=keys) as call:
            await call.said(f"AI: {HELLO}")
            await call.until(call.sounds)
            await call.stop()
            await call.socket.close()
            await call.domain.hears("finished")
    return list(call.domain.spent)


@on_loop
async def test_a_similar_voice_speaks_and_is_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with OpenAISpeech() as standin:
        used = await spoken(ELLIOT, standin)
    body = standin.asked[0].body
    assert (body["voice"], body["speed"], body["input"]) == ("echo", 1.1, HELLO)
    [item] = [each for each in used if each["type"] == "voice"]
    assert item["voice"] == {"provider": "openai", "voiceId": "echo"}
    assert item["characters"] == len(HELLO)
    assert "the voice 'vapi:Elliot' is spoken by 'openai:echo'" in caplog.text


@on_loop
async def test_an_unknown_one_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async with OpenAISpeech() as standin:
        await spoken({**ELLIOT, "voiceId": "9f1c"}, standin)
    assert standin.asked[0].body["voice"] == "echo"
    assert "Vapi's voice '9f1c' is not known here: choose one for it in VAPI_VOICES" in caplog.text
