"""A third carrier: it passes the contract suite, and the real app serves its calls."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import urlencode

import pytest
import urllib3

from app import create_app
from app.server.asgi import build
from app.settings import load
from providers import registry
from providers.base.carrier import Carrier
from providers.base.rest import Account
from providers.base.webhook import HookKind, WebhookRequest
from providers.testing.contract import (
    CALL_ID,
    NOW,
    OF_ROOMS,
    Case,
    ProviderContract,
    hook_url,
)
from tests.fakes.carriers.acme import ACME, HEADER, sign
from tests.fakes.carriers.acme_leg import ENVIRON, RECORDED, REF, SOUND, Leg, sound_message
from tests.fakes.client_server import Receiver, Request
from tests.media.server import listening

WORDS = {
    HookKind.ARRIVE: "incoming",
    HookKind.STATUS: "hung-up",
    HookKind.CONTINUE: "stream-over",
    HookKind.FORWARD: "engaged",
}


class AcmeCase(Case):
    provider: ClassVar[Carrier] = ACME
    account: ClassVar[Account] = Account(REF, {"keys": ["a signing key"]})
    rotated: ClassVar[Account] = Account(REF, {"keys": ["the next key", "a signing key"]})
    keyless: ClassVar[Account] = Account(REF, {})
    stranger: ClassVar[Account] = Account("other42", {"keys": ["a key of another"]})
    credential: ClassVar[Mapping[str, Any]] = {
        "provider": "acme",
        "account": REF,
        "keys": ["a signing key"],
    }
    signature_header: ClassVar[str] = HEADER
    unknown_word: ClassVar[str] = "levitating"
    unknown: ClassVar[Mapping[str, Any]] = {"event": "levitating"}

    def request(
        self,
        hook: HookKind,
        fields: Mapping[str, Any] | None = None,
        *,
        method: str = "POST",
        query: str = "",
        signer: Account | None = None,
    ) -> WebhookRequest:
        merged = {"event": WORDS[hook], **RECORDED, **(fields or {})}
        payload = {name: value for name, value in merged.items() if value is not None}
        body = json.dumps(payload).encode()
        if method == "GET":
            query, body = "&".join(filter(None, (query, urlencode(payload)))), b""
        url = hook_url(ACME, hook, query)
        made = sign((signer or self.account).secrets["keys"][0], REF, url, body)
        return WebhookRequest(method, url, [(HEADER, made)], body, NOW)

    def handshake(self, url: str, *, signer: Account | None = None) -> list[tuple[str, str]]:
        return [(HEADER, sign((signer or self.account).secrets["keys"][0], REF, url, b""))]

    def opening(self) -> Sequence[str | bytes]:
        return [json.dumps({"type": "start", "leg": "leg-1", "with": {"callId": CALL_ID}})]

    def speech(self, pcm: bytes) -> str | bytes:
        return sound_message(pcm)

    def heard(self, messages: Sequence[str | bytes]) -> bytes:
        return b"".join(base64.b64decode(json.loads(each)["pcm"]) for each in messages)


class TestAcmeContract(ProviderContract):
    case = AcmeCase()


def test_a_carrier_without_rooms_is_asked_nothing_of_them() -> None:
    for name in OF_ROOMS:
        assert callable(getattr(ProviderContract, name))
        assert getattr(TestAcmeContract, name) is None


PUBLIC_URL = "https://patchbay.example"
API_KEY = "an api key of the tests"
SETTINGS = {
    **ENVIRON,
    "SECRET_KEY": "the secret key of the tests",
    "PUBLIC_URL": PUBLIC_URL,
    "API_KEY": API_KEY,
    "ALLOW_PRIVATE_SERVER_URLS": "1",
    "ASSISTANT_BACKEND": "echo",
    "PRICE_SECONDS": "0",
}


def new_assistant(address: str) -> str:
    answer = urllib3.request(
        "POST",
        f"http://{address}/assistant",
        json={"name": "echo"},
        headers={"Authorization": f"Bearer {API_KEY}"},
    )
    assert answer.status == 201, answer.data
    return str(answer.json()["id"])


def is_report(request: Request) -> bool:
    return b'"end-of-call-report"' in request.body


async def report_of_a_call(application: Any, receiver: Receiver) -> Any:
    """The end-of-call report that the client's server is sent after a whole call."""
    async with listening(application, lifespan="on") as (_, address):
        assistant_id = await asyncio.to_thread(new_assistant, address)
        assert await Leg(address, PUBLIC_URL).whole_call(assistant_id) == SOUND
        requests = await asyncio.to_thread(
            receiver.wait_for, lambda came: any(map(is_report, came))
        )
        return next(json.loads(each.body)["message"] for each in requests if is_report(each))


def test_the_real_app_serves_its_calls(
    database_url: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry.PROVIDERS, "acme", ACME)
    settings = load({**SETTINGS, "DATABASE_URL": database_url, "SERVER_URL": receiver.url})
    report = asyncio.run(report_of_a_call(build(create_app(settings)), receiver))
    assert (report["type"], report["endedReason"]) == ("end-of-call-report", "customer-ended-call")
    assert report["call"]["phoneCallProvider"] == "acme"
    assert report["call"]["phoneCallProviderId"] == RECORDED["leg"]


def test_what_is_left_of_a_carrier_that_is_gone_can_be_deleted(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {**SETTINGS, "DATABASE_URL": database_url, "RUN_JOBS": "0"}
    with monkeypatch.context() as while_it_is_there:
        while_it_is_there.setitem(registry.PROVIDERS, "acme", ACME)
        services = create_app(load(settings)).extensions["patchbay"]
        services.start()
        services.stop()
    client = create_app(load(settings)).test_client()
    key = {"Authorization": f"Bearer {API_KEY}"}
    (number,) = client.get("/phone-number", headers=key).json
    assert client.delete(f"/phone-number/{number['id']}", headers=key).status_code == 200
    assert client.get("/credential", headers=key).json == []
