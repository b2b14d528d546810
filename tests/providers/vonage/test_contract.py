"""What every carrier must do, done by Vonage."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import urlencode

from providers.base.carrier import Carrier
from providers.base.rest import Account
from providers.base.webhook import HookKind, WebhookRequest
from providers.testing.contract import CALL_ID, NOW, Case, ProviderContract, hook_url
from providers.vonage import VONAGE
from providers.vonage.simulator import media
from providers.vonage.simulator.config import VonageSigner
from tests.fakes.carriers.accounts import private_key
from tests.fakes.carriers.vonage import VonageCaller
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
    HookKind.OPERATOR: "operator",
    HookKind.SPOKE: "spoke",
    HookKind.BRIEFED: "briefed",
    HookKind.TALKED: "talked",
    HookKind.OPERATOR_STATUS: "operator_busy",
    HookKind.WAIT: "input",
}


CALLER = VonageCaller()


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
        signed = VonageSigner(secret, API_KEY).handshake(url)
        return [(name.lower(), value) for name, value in signed.items()]

    def opening(self) -> Sequence[str | bytes]:
        return [media.connected(f"audio/l16;rate={CALLER.rate}", {"callId": CALL_ID})]

    def speech(self, pcm: bytes) -> str | bytes:
        return CALLER.sound(pcm)

    def heard(self, messages: Sequence[str | bytes]) -> bytes:
        return b"".join(CALLER.heard(message) or b"" for message in messages)


class TestVonageContract(ProviderContract):
    case = VonageCase()
