"""Twilio's side of a test: recorded requests, signed as Twilio signs them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlencode

from providers.base.rest import Account
from providers.base.webhook import HookKind, WebhookReport, WebhookRequest
from providers.events import CallEvent
from providers.testing.contract import CALL_ID, NOW, Case, hook_url
from providers.twilio import TWILIO, signature, webhooks
from providers.twilio.simulator.config import TwilioSigner
from tests.fakes.carriers.twilio import TwilioCaller

REQUESTS = Path(__file__).parent / "requests"

ACCOUNT_SID = "AC" + "0a1b2c3d" * 4
CALL_SID = "CA" + "4f5e6d7c" * 4
CHILD_SID = "CA" + "99887766" * 4
STREAM_SID = "MZ" + "1f2e3d4c" * 4
FLOW_SID = "FW" + "13579bdf" * 4
TOKEN = "d41d8cd98f00b204e9800998ecf8427e"
NEW_TOKEN = "0cc175b9c0f1b6a831c399e269772661"

RECORDED: Mapping[HookKind, str] = {
    HookKind.ARRIVE: "inbound",
    HookKind.FETCH: "fetch",
    HookKind.STATUS: "status_ringing",
    HookKind.STREAM: "stream_started",
    HookKind.CONTINUE: "after",
    HookKind.MACHINE: "amd_human",
    HookKind.FORWARD: "dial_completed",
    HookKind.OPERATOR: "operator",
    HookKind.SPOKE: "spoke",
    HookKind.BRIEFED: "briefed",
    HookKind.TALKED: "talked",
    HookKind.OPERATOR_STATUS: "operator_busy",
    HookKind.ROOM: "room_joined",
    HookKind.RECORDING: "recording",
    HookKind.WAIT: "after",
}
"""What stands for each hook in the contract."""
OF_ROOMS = frozenset(
    {
        "operator",
        "operator_machine",
        "spoke",
        "briefed",
        "talked",
        "operator_ringing",
        "operator_busy",
        "room_joined",
        "room_left",
        "refer_in_progress",
    }
)
"""Recorded requests that ``test_rooms.py`` reads."""

FORM = ("content-type", "application/x-www-form-urlencoded; charset=UTF-8")


@cache
def recorded(name: str) -> dict[str, Any]:
    """``requests/<name>.json``: ``hook``, ``headers``, ``fields``, and a line ``about`` it."""
    found: dict[str, Any] = json.loads((REQUESTS / f"{name}.json").read_text())
    return found


def load(
    name: str,
    fields: Mapping[str, str | None] | None = None,
    *,
    method: str = "POST",
    query: str = "",
    token: str = TOKEN,
) -> WebhookRequest:
    """A recorded request, signed with ``token``; ``fields`` replace, join or (None) leave out."""
    found = recorded(name)
    merged = {**found["fields"], **(fields or {})}
    pairs = [(key, value) for key, value in merged.items() if value is not None]
    url = hook_url(TWILIO, HookKind(found["hook"]), query)
    return signed(url, pairs, method=method, headers=found["headers"], token=token)


def parsed(name: str, fields: Mapping[str, str | None] | None = None, **more: Any) -> WebhookReport:
    """A recorded request, as its hook reads it."""
    return webhooks.parse(HookKind(recorded(name)["hook"]), load(name, fields, **more))


def only(report: WebhookReport) -> CallEvent:
    """The one event of it."""
    (event,) = report.events
    return event


def signed(
    url: str,
    pairs: Sequence[tuple[str, str]],
    *,
    method: str = "POST",
    headers: Mapping[str, str] | None = None,
    token: str = TOKEN,
) -> WebhookRequest:
    """A request as Twilio sends it: a form, or on GET everything in the query."""
    if method == "GET":
        url += ("&" if "?" in url else "?") + urlencode(pairs)
    held = signature.compute(token, url, pairs if method == "POST" else ())
    sent = [*(headers or {}).items(), (signature.HEADER, held)]
    body = urlencode(pairs).encode() if method == "POST" else b""
    return WebhookRequest(method, url, [FORM, *sent] if body else sent, body, NOW)


def holding(*tokens: str, ref: str = ACCOUNT_SID, **more: str) -> Account:
    return Account(ref, {"authTokens": list(tokens), **more})


CALLER = TwilioCaller(STREAM_SID, CALL_SID, ACCOUNT_SID, {"callId": CALL_ID})


def start(**more: Any) -> str:
    """Twilio's ``start``; ``more`` replaces members of its inner object."""
    return CALLER.messages.start(**more)


def frame(event: str, **more: Any) -> str:
    """A message of Twilio's on the media socket."""
    return json.dumps({"event": event, "streamSid": STREAM_SID, **more})


class TwilioCase(Case):
    provider = TWILIO
    account = holding(TOKEN, apiKey="SK" + "ab" * 16, apiSecret="s3cretOfTheKey")
    rotated = holding(NEW_TOKEN, TOKEN)
    keyless = holding()
    stranger = holding("900150983cd24fb0d6963f7d28e17f72", ref="AC" + "ffee0011" * 4)
    credential: ClassVar[Mapping[str, Any]] = {
        "provider": "twilio",
        "accountSid": ACCOUNT_SID,
        "authToken": TOKEN,
    }
    signature_header = signature.HEADER
    unknown_word = "levitating"
    unknown: ClassVar[Mapping[str, Any]] = {"CallStatus": "levitating"}

    def request(
        self,
        hook: HookKind,
        fields: Mapping[str, Any] | None = None,
        *,
        method: str = "POST",
        query: str = "",
        signer: Account | None = None,
    ) -> WebhookRequest:
        secret = (signer or self.account).secrets["authTokens"][0]
        return load(RECORDED[hook], fields, method=method, query=query, token=secret)

    def handshake(self, url: str, *, signer: Account | None = None) -> list[tuple[str, str]]:
        secret = (signer or self.account).secrets["authTokens"][0]
        signed = TwilioSigner(secret).handshake(url)
        return [("host", "patchbay.example"), *((name.lower(), signed[name]) for name in signed)]

    def opening(self) -> Sequence[str | bytes]:
        return CALLER.opening()

    def speech(self, pcm: bytes) -> str | bytes:
        return CALLER.sound(pcm)

    def heard(self, messages: Sequence[str | bytes]) -> bytes:
        return b"".join(CALLER.heard(message) or b"" for message in messages)
