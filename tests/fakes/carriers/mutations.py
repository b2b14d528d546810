"""Signed webhooks with changed fields: what a carrier never sends, and could.

The base is a recorded request (``tests/providers/*/requests``) about a call of the bridge.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlencode, urlsplit

from providers.base.carrier import Carrier
from providers.simulation.timeline import Request
from providers.twilio import TWILIO
from providers.twilio.signature import FORM, HEADER, JSON, compute
from providers.vonage import VONAGE
from providers.vonage.signature import query_payload, sign
from tests.fakes.carriers import FAKES
from tests.fakes.carriers.accounts import (
    ACCOUNT,
    API_KEY,
    APPLICATION,
    AUTH_TOKEN,
    CUSTOMER,
    SIGNATURE_SECRET,
)

RECORDED = Path(__file__).parents[2] / "providers"

TEXTS: Sequence[str] = (
    "",
    " ",
    "0",
    "-1",
    "9" * 400,
    "1e9",
    "NaN",
    "null",
    "true",
    "[]",
    "{}",
    "x" * 129,
    "x" * 5000,
    "a\0b",
    "a\r\nb",
    "\N{SNOWMAN}\N{GRINNING FACE}",
    "\ufffe\u202e",
    "<Hangup/>&amp;",
    "' OR 1=1 --",
    "ws://[",
    "wss://example.com/media/x",
    "https://api.nexmo.com/v1/files/x",
    "2026-13-45T99:99:99Z",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
)
"""Texts in the place of any field."""


def _nested(depth: int) -> Any:
    value: Any = "deep"
    for _ in range(depth):
        value = {"in": [value]}
    return value


VALUES: Sequence[Any] = (
    *TEXTS,
    "\ud800",
    None,
    True,
    False,
    0,
    -1,
    10**30,
    1.5,
    1e300,
    float("nan"),
    float("-inf"),
    [],
    {},
    [None],
    ["CON-1", "CON-2"],
    {"uuid": "CON-1"},
    _nested(10),
    _nested(40),
)
"""The same for JSON."""


@dataclass(frozen=True)
class Target:
    """A call of the bridge, as a carrier knows it."""

    base: str
    """The bridge's public URL."""
    call_id: str
    token: str
    """The last part of the call's webhook URLs."""
    ref: str
    """The leg's id, and its conversation's."""


Ask = Callable[[str, str, Any], Any]
"""Method, path and body of an API request -> the JSON of its answer."""


def new_target(base: str, carrier: str, ask: Ask) -> Target:
    """A new call at this carrier, which waits for its leg."""
    numbers = {row["provider"]: row["id"] for row in ask("GET", "/phone-number", None)}
    body = {
        "phoneNumberId": numbers[carrier],
        "assistant": {"transport": {"provider": "echo"}},
        "customer": {"number": CUSTOMER},
        "phoneCallProviderBypassEnabled": True,
    }
    call, fake = ask("POST", "/call", body), FAKES[carrier]
    url = fake.status_url(call["phoneCallProviderDetails"])
    token = urlsplit(url).path.rpartition("/")[2]
    return Target(base, call["id"], token, fake.new_ref())


def mutated(random: Random, carrier: str, target: Target) -> Request:
    """One signed webhook of this carrier with up to three changes."""
    return _MAKERS[carrier](random, target)


def _url(random: Random, carrier: Carrier, target: Target) -> tuple[str, str]:
    """A method and URL of the carrier: each of its routes as often."""
    hook = random.choice(carrier.hooks)
    path = hook.path.replace("<token>", target.token).replace("<call_id>", target.call_id)
    return random.choice(hook.methods), target.base + path


@cache
def _recorded(carrier: str) -> Sequence[Mapping[str, Any]]:
    files = sorted((RECORDED / carrier / "requests").glob("*.json"))
    found = [json.loads(each.read_text()) for each in files]
    return [each.get("fields") or each.get("body") or {} for each in found]


def _changed(
    random: Random, fields: Mapping[str, Any], values: Sequence[Any], ids: Mapping[str, Any]
) -> dict[str, Any]:
    """The fields with up to three changes. Mostly the ids stay, so that the call is found."""
    changed = {**fields, **ids}
    for _ in range(random.randint(1, 3)):
        name = random.choice([*changed, "New-In_2031"])
        if random.random() < 0.2:
            changed.pop(name, None)
        else:
            changed[name] = random.choice(values)
    return {**changed, **ids} if random.random() < 0.7 else changed


# ------------------------------------------------------------------ Twilio


def _twilio(random: Random, target: Target) -> Request:
    method, url = _url(random, TWILIO, target)
    ids = {"AccountSid": ACCOUNT, "CallSid": target.ref}
    fields = _changed(random, random.choice(_recorded("twilio")), TEXTS, ids)
    pairs = list(fields.items())
    if random.random() < 0.1:
        pairs.append((random.choice(list(fields)), random.choice(TEXTS)))
    if method == "GET":
        url += f"?{urlencode(pairs)}"
        return Request(method, url, {HEADER: compute(AUTH_TOKEN, url)}, b"")
    if random.random() < 0.2:
        return _twilio_json(random, url, fields)
    headers = {HEADER: compute(AUTH_TOKEN, url, pairs), "Content-Type": FORM}
    return Request(method, url, headers, urlencode(pairs).encode())


def _twilio_json(random: Random, url: str, fields: Mapping[str, Any]) -> Request:
    values = {**fields, random.choice(list(fields)): random.choice(VALUES)}
    body = json.dumps(values if random.random() < 0.7 else fields | {"From": "\ud800"}).encode()
    url += f"?bodySHA256={hashlib.sha256(body).hexdigest()}"
    return Request("POST", url, {HEADER: compute(AUTH_TOKEN, url), "Content-Type": JSON}, body)


# ------------------------------------------------------------------ Vonage


def _vonage(random: Random, target: Target) -> Request:
    method, url = _url(random, VONAGE, target)
    ids = {"uuid": target.ref, "conversation_uuid": f"CON-{target.ref}"}
    fields = _changed(random, random.choice(_recorded("vonage")), VALUES, ids)
    if method == "GET":
        query = urlencode(
            {
                name: value if isinstance(value, str) else json.dumps(value)
                for name, value in fields.items()
            },
            errors="replace",
        )
        return Request(method, f"{url}?{query}", _bearer(query_payload(query)), b"")
    body = json.dumps(fields).encode()
    if random.random() < 0.05:
        body = random.choice((b"[]", b"null", b"1", b'"x"', b"{", b"\xff{}", body[:-1], body * 2))
    return Request(method, url, {**_bearer(body), "Content-Type": "application/json"}, body)


def _bearer(payload: bytes) -> dict[str, str]:
    token = sign(
        SIGNATURE_SECRET,
        api_key=API_KEY,
        payload=payload,
        application_id=APPLICATION,
        now=datetime.now(UTC),
    )
    return {"Authorization": f"Bearer {token}"}


_MAKERS: Mapping[str, Callable[[Random, Target], Request]] = {"twilio": _twilio, "vonage": _vonage}
