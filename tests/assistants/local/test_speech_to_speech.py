"""Whole conversations with a model that hears and speaks by itself."""

from __future__ import annotations

from typing import Any

from app.vendors.common.account import VendorAccount
from tests.assistants.local.talk import talking
from tests.clock import on_loop
from tests.fakes.carriers.base import Caller
from tests.fakes.vendors.realtime_model import RealtimeModel
from tests.media.server import BY_NAME

MODEL = {"provider": "openai", "model": "gpt-realtime-2025-08-28"}


def account(vendor: Any) -> dict[str, VendorAccount]:
    return {"openai": VendorAccount("key", f"{vendor.url}/v1")}


@BY_NAME
@on_loop
async def test_three_turns(caller: Caller) -> None:
    script = ("I would like to book a table.", "For two people, please.", "Thank you, goodbye.")
    assistant = {"firstMessage": "Hello there.", "model": MODEL}
    async with (
        RealtimeModel(*script, replies=["Surely."]) as vendor,
        talking(caller, assistant, keys=account(vendor)) as call,
    ):
        await call.said("AI: Hello there.")
        assert call.sounds()
        for name, text in zip(("book", "two", "bye"), script, strict=True):
            before = call.transcript.count("AI:")
            call.say(name)
            await call.said(f"User: {text}")
            await call.until(lambda before=before: call.transcript.count("AI:") > before)
        await call.stop()
        await call.socket.close()
    assert vendor.complaints == []
    roles = [each["role"] for each in call.domain.kept["messages"]]
    assert roles == ["bot", "user", "bot", "user", "bot", "user", "bot"]
