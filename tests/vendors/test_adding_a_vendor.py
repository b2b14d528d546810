"""A voice that is a folder and a line: it speaks in a call, and settings and failures know it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from app.settings import VendorSettings, load
from app.vendors import registry
from app.vendors.common.account import VendorAccount
from app.vendors.failures import voice_failure
from app.vendors.tts import problem
from providers.events import EndedReason
from tests.assistants.local.talk import talking, vendors
from tests.clock import on_loop
from tests.fakes.carriers.base import Caller
from tests.fakes.vendors.standin import SECONDS, Asked, HttpStandIn
from tests.media.server import BY_NAME
from tests.vendors.hum import VENDOR

HELLO = "Hello there."


class HumServer(HttpStandIn):
    """What Hum's own servers do."""

    def rate(self, asked: Asked) -> int:
        return int(json.loads(asked.body)["rate"])


@pytest.fixture(autouse=True)
def hum() -> Iterator[None]:
    registry.add("hum", VENDOR)
    yield
    del registry.VENDORS["hum"]


@BY_NAME
@on_loop
async def test_it_speaks_in_a_call(caller: Caller) -> None:
    assistant = {"firstMessage": HELLO, "voice": {"provider": "hum", "voiceId": "low"}}
    async with HumServer() as server, vendors() as theirs:
        keys = {"hum": VendorAccount("the key", server.url)}
        async with talking(caller, assistant, theirs, keys=keys) as call:
            await call.said(f"AI: {HELLO}")
            await call.until(call.sounds)
            await call.stop()
            await call.socket.close()
    [asked] = server.asked
    assert (asked.path, asked.headers["X-Hum-Key"]) == ("/low", "the key")
    assert json.loads(asked.body) == {"text": HELLO, "rate": caller.rate}
    assert len(call.heard) >= SECONDS * caller.rate * 2


def test_its_account_is_read_from_its_variables() -> None:
    settings = load({"SECRET_KEY": "s" * 16, "HUM_API_KEY": "k", "FALLBACK_VOICE": "hum:low"})
    assert settings.vendors == (VendorSettings("hum", "k"),)
    assert settings.fallback_voice == {"provider": "hum", "voiceId": "low"}


def test_what_its_voice_lacks_is_said_as_of_any_other() -> None:
    assert problem({"provider": "hum"}, {}) == "voice.voiceId is missing"
    assert "hum has no key: set HUM_API_KEY" in str(
        problem({"provider": "hum", "voiceId": "low"}, {})
    )


def test_its_failure_has_no_reason_of_its_own() -> None:
    assert voice_failure("hum", "HTTP 500") is EndedReason.ASSISTANT_ERROR


@pytest.mark.parametrize(
    ("name", "vendor", "error"),
    [
        ("hum", object(), TypeError),
        ("him", VENDOR, ValueError),
        ("openai", registry.VENDORS["openai"], None),  # the same one
        ("hum", VENDOR, None),
    ],
)
def test_what_may_be_added(name: str, vendor: object, error: type[Exception] | None) -> None:
    if error is None:
        registry.add(name, vendor)
        return
    with pytest.raises(error):
        registry.add(name, vendor)


def test_a_name_is_one_vendors() -> None:
    with pytest.raises(ValueError, match="already"):
        registry.add("hum", replace(VENDOR, env_prefix="OTHER"))
