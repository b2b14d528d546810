"""A third carrier: it passes the contract suite, and the real app serves its calls."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import urlencode

import pytest

from providers import registry
from providers.base.carrier import Carrier
from providers.base.rest import Account
from providers.base.webhook import HookKind, WebhookRequest
from providers.testing.contract import CALL_ID, NOW, Case, ProviderContract, hook_url
from tests.fakes.carriers.acme import ACME, HEADER, sign

REF = "acme42"
RECORDED = {"leg": "leg-1", "from": "+14155550123", "to": "+15005550006", "seq": "1"}
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
        return json.dumps({"type": "sound", "pcm": base64.b64encode(pcm).decode()})

    def heard(self, messages: Sequence[str | bytes]) -> bytes:
        return b"".join(base64.b64decode(json.loads(each)["pcm"]) for each in messages)


class TestAcmeContract(ProviderContract):
    case = AcmeCase()
