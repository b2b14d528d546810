"""A transcriber that fails: the next one hears the rest of the call, wherever the failure is."""

from __future__ import annotations

from typing import Any

import pytest

from app.assistants.local import observer
from app.vendors.common import connect_timeout
from app.vendors.common.account import VendorAccount
from providers.events import EndedReason as R
from tests.assistants.local.talk import talking, vendors
from tests.clock import on_loop
from tests.fakes.carriers.twilio import TwilioCaller
from tests.fakes.vendors.ears import Ears
from tests.speech import SENTENCES
from tests.vendors.transcriber_cases import CASES

SOME = 3200
"""Bytes of sound after which a socket is cut."""


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    deadlines = observer.Deadlines(model=2.0, voice=2.0, transcriber=0.3, unheard=2)
    monkeypatch.setattr(observer, "DEADLINES", deadlines)
    monkeypatch.setattr(connect_timeout, "CONNECT_SECONDS", 2.0)
    for module in ("deepgram.stt", "websocket_service"):
        where = f"pipecat.services.{module}.exponential_backoff_time"
        monkeypatch.setattr(where, lambda *_, **__: 0.0)


def refuse(ears: Ears) -> None:
    ears.status = 401


def cut(ears: Ears) -> None:
    ears.cut_after = SOME


def mute(ears: Ears) -> None:
    ears.mute = True


FAULTS = {"refused": refuse, "cut": cut, "mute": mute}
ASSISTANT: dict[str, Any] = {
    "transcriber": {
        "provider": "deepgram",
        "fallbackPlan": {"transcribers": [{"provider": "soniox-of-old"}, {"provider": "gladia"}]},
    }
}


@pytest.mark.parametrize("fault", FAULTS)
@on_loop
async def test_the_next_transcriber_takes_over(fault: str) -> None:
    async with (
        vendors(replies="I hear you.") as theirs,
        CASES["deepgram"].stand_in(SENTENCES["book"]) as first,
        CASES["gladia"].stand_in(SENTENCES["book"]) as second,
    ):
        FAULTS[fault](first)
        keys = {
            "deepgram": VendorAccount("key", first.url),
            "gladia": VendorAccount("key", second.url),
        }
        async with talking(TwilioCaller(), ASSISTANT, theirs, keys=keys) as call:
            for _ in range(4):
                call.say("book")
                call.pause(0.8)
            await call.said("I hear you.")
        heard = [each for each in call.domain.spent if each["type"] == "transcriber"]
    assert call.reason is None
    paid = ["gladia"] if fault == "refused" else ["deepgram", "gladia"]  # it never connected
    assert [each["transcriber"]["provider"] for each in heard] == paid
    assert SENTENCES["book"] in call.transcript


@on_loop
async def test_when_all_have_failed_the_last_ones_error_is_told() -> None:
    async with (
        vendors() as theirs,
        CASES["deepgram"].stand_in() as first,
        CASES["gladia"].stand_in() as second,
    ):
        first.status = second.status = 401
        keys = {
            "deepgram": VendorAccount("key", first.url),
            "gladia": VendorAccount("key", second.url),
        }
        async with talking(TwilioCaller(), ASSISTANT, theirs, keys=keys) as call:
            assert await call.end() is R.ASSISTANT_ERROR
    assert call.message is not None
    assert call.message.startswith("gladia (transcriber): ")
    assert "401" in call.message
