"""What every carrier must do, done by Vonage."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import urlencode

from providers.base.carrier import Carrier
from providers.base.rest import Account
from providers.base.webhook import HookKind, WebhookRequest
from providers.testing.contract import CALL_ID, NOW, Case, ProviderContract, hook_url
from providers.vonage import VONAGE, signature
from tests.fakes.carriers.accounts import private_key
from tests.providers.vonage.cases import (
    API_KEY,
    APPLICATION,
    OLD_SECRET,
    SECRET,
    changed,
    load,
    signed,
)

RECORDINGS = {
    HookKind.ARRIVE: "answer",
    HookKind.FALLBACK: "fallback",
    HookKind.STATUS: "inbound_completed_by_user",
    HookKind.FORWARD: "forward_busy",
}


class VonageCase(Case):
    provider: ClassVar[Carrier] = VONAGE
    account: ClassVar[Account] = Account(
        API_KEY,
        {
            "signatureSecrets": [SECRET],
            "apiSecret": "apiSecretOfTheAccount",
            "applicationId": APPLICATION,
            "privateKey": private_key(),
        },
    )
    rotated: ClassVar[Account] = replace(
        account, secrets={**account.secrets, "signatureSecrets": ["theNewestSecretOfAll", SECRET]}
    )
    keyless: ClassVar[Account] = Account(API_KEY, {"applicationId": APPLICATION})
    stranger: ClassVar[Account] = Account("other123", {"signatureSecrets": [OLD_SECRET]})
    credential: ClassVar[Mapping[str, Any]] = {
        "provider": "vonage",
        "apiKey": API_KEY,
        "apiSecret": "apiSecretOfTheAccount",
        "signatureSecret": SECRET,
    }
    signature_header: ClassVar[str] = "authorization"
    unknown_word: ClassVar[str] = "levitating"
    unknown: ClassVar[Mapping[str, Any]] = {"status": "levitating"}

    def request(
        self,
        hook: HookKind,
        fields: Mapping[str, Any] | None = None,
        *,
        method: str = "POST",
        query: str = "",
        signer: Account | None = None,
    ) -> WebhookRequest:
        payload = changed(load(RECORDINGS[hook])["body"], fields)
        body = b""
        if method == "GET":
            query = "&".join(filter(None, (query, urlencode(payload))))
        else:
            body = json.dumps(payload).encode()
        request = WebhookRequest(method, hook_url(VONAGE, hook, query), (), body, NOW)
        return signed(request, (signer or self.account).secrets["signatureSecrets"][0])

    def handshake(self, url: str, *, signer: Account | None = None) -> list[tuple[str, str]]:
        secret = (signer or self.account).secrets["signatureSecrets"][0]
        now = datetime.now(UTC)
        token = signature.sign(secret, api_key=API_KEY, payload=None, now=now)
        return [("authorization", f"Bearer {token}")]

    def opening(self) -> Sequence[str | bytes]:
        fields = {
            "event": "websocket:connected",
            "content-type": "audio/l16;rate=16000",
            "callId": CALL_ID,
        }
        return [json.dumps(fields)]

    def speech(self, pcm: bytes) -> str | bytes:
        return pcm

    def heard(self, messages: Sequence[str | bytes]) -> bytes:
        return b"".join(message for message in messages if isinstance(message, bytes))


class TestVonageContract(ProviderContract):
    case = VonageCase()
