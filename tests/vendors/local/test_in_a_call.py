"""Whisper hears and Piper speaks in a call; when the one cannot, the ``fallbackPlan`` applies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app.vendors.common.account import VendorAccount
from providers.events import EndedReason as R
from tests.assistants.local.talk import talking, vendors
from tests.clock import on_loop
from tests.fakes.carriers.base import Caller
from tests.fakes.carriers.twilio import TwilioCaller
from tests.media.server import BY_NAME
from tests.speech import SENTENCES
from tests.vendors.local import program
from tests.vendors.transcriber_cases import CASES

Put = Callable[..., Any]
HEARD = "A table for four, please."
HELLO = "Hello there."
WHISPER: dict[str, Any] = {"provider": "whisper"}


@BY_NAME
@on_loop
async def test_it_hears_and_speaks(
    caller: Caller, account: VendorAccount, hearing: Put, voice_program: Put
) -> None:
    hearing("hears", HEARD)
    voice_program("speaks")
    assistant = {"firstMessage": HELLO, "transcriber": WHISPER, "voice": {"provider": "piper"}}
    keys = {"whisper": account, "piper": account}
    async with (
        vendors(replies="For four.") as theirs,
        talking(caller, assistant, theirs, keys=keys) as call,
    ):
        await call.said(f"AI: {HELLO}")
        call.say("book")
        call.pause(0.8)
        await call.said("AI: For four.")
    assert f"User: {HEARD}" in call.transcript
    assert call.reason is None
    assert len(call.heard) >= program.SPOKEN * caller.rate * 2


@pytest.mark.parametrize(("kind", "most"), [("dies", None), ("hears", 0)])  # it fails; it is busy
@on_loop
async def test_the_next_transcriber_takes_over(
    account: VendorAccount, hearing: Put, kind: str, most: int | None
) -> None:
    hearing(kind, most=most)
    plan = {"transcribers": [{"provider": "gladia"}]}
    assistant = {"transcriber": {**WHISPER, "fallbackPlan": plan}}
    async with (
        vendors(replies="I hear you.") as theirs,
        CASES["gladia"].stand_in(SENTENCES["book"]) as second,
    ):
        keys = {"whisper": account, "gladia": VendorAccount("key", second.url)}
        async with talking(TwilioCaller(), assistant, theirs, keys=keys) as call:
            for _ in range(4):
                call.say("book")
                call.pause(0.8)
            await call.said("I hear you.")
    assert call.reason is None
    assert SENTENCES["book"] in call.transcript


@on_loop
async def test_without_another_the_call_ends_with_what_is_wrong(
    account: VendorAccount, hearing: Put
) -> None:
    hearing("refuses")
    async with vendors() as theirs:
        keys = {"whisper": account}
        async with talking(TwilioCaller(), {"transcriber": WHISPER}, theirs, keys=keys) as call:
            call.say("book")
            call.pause(0.8)
            assert await call.end() is R.ASSISTANT_ERROR
    assert "whisper (transcriber): RuntimeError: the model is broken" in str(call.message)


@on_loop
async def test_one_that_is_not_installed_leaves_the_call_to_the_next(install: Put) -> None:
    install()
    voice = {"provider": "piper", "fallbackPlan": {"voices": [{"provider": "embedded"}]}}
    transcribers = {"transcribers": [{"provider": "embedded"}]}
    assistant = {
        "firstMessage": HELLO,
        "voice": voice,
        "transcriber": {**WHISPER, "fallbackPlan": transcribers},
    }
    async with vendors() as theirs, talking(TwilioCaller(), assistant, theirs) as call:
        await call.said(f"AI: {HELLO}")
    assert call.reason is None
