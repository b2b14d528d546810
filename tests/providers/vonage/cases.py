"""Recorded requests by name, and the account that signs them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from providers.base.rest import Account
from providers.base.webhook import HookKind, WebhookReport, WebhookRequest
from providers.events import CallEvent
from providers.vonage import signature, webhooks

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
ORIGIN = "https://patchbay.example"
REQUESTS = Path(__file__).parent / "requests"

API_KEY = "abcd1234"
APPLICATION = "78d335fa-323d-0114-9c3d-d6f0d48968cf"
SECRET = "5Yj5LQyUgTN2k9LqdJWuhOBuPeIvcYSWvyLo"
OLD_SECRET = "oldSecret1234567"  # 16 characters, as Vonage once made them
ACCOUNT = Account(API_KEY, {"signatureSecrets": [SECRET], "applicationId": APPLICATION})

INBOUND = "688fd94bd0e1f59c36a4cbd36312fc28"
OUTBOUND = "63f61863-4a51-4f6b-86e1-46edebcf9356"
MEDIA = "b5f2a9be-0c5d-4b0e-8c1b-2f0a7d4c9e11"
FORWARDED = "aaf1c2d0-7b1e-4d53-9b6e-0d3f0e5b7a42"
CONVERSATION = "CON-4bf66420-d6cb-46e0-9ba9-f7eede9a7301"
MEDIA_URL = "wss://patchbay.example/media/vonage/str_0123456789abcdefghijkl"

HOOKS = {
    "/vonage/answer": HookKind.ARRIVE,
    "/vonage/fallback": HookKind.FALLBACK,
    "/vonage/event": HookKind.STATUS,
    "/vonage/forward": HookKind.FORWARD,
    "/vonage/operator/": HookKind.OPERATOR,
    "/vonage/spoke": HookKind.SPOKE,
    "/vonage/briefed": HookKind.BRIEFED,
    "/vonage/talked": HookKind.TALKED,
    "/vonage/operator_event": HookKind.OPERATOR_STATUS,
    "/vonage/wait": HookKind.WAIT,
}


OF_ROOMS = frozenset(
    {
        "operator",
        "operator_machine",
        "spoke",
        "spoke_nothing",
        "briefed",
        "talked",
        "operator_ringing",
        "operator_busy",
        "operator_joined",
        "room_left",
    }
)
"""Recorded requests that ``test_rooms.py`` reads."""


def post(body: Any, path: str = "/vonage/event", query: str = "") -> WebhookRequest:
    """An unsigned POST; ``body`` is bytes, or becomes JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body, separators=(",", ":")).encode()
    return WebhookRequest("POST", url(path, query), (), raw, NOW)


def get(query: str, path: str = "/vonage/event") -> WebhookRequest:
    return WebhookRequest("GET", url(path, query), (), b"", NOW)


def url(path: str, query: str = "") -> str:
    return f"{ORIGIN}{path}" + (f"?{query}" if query else "")


def load(name: str) -> dict[str, Any]:
    """The file's ``method path query body``."""
    recording: dict[str, Any] = json.loads((REQUESTS / f"{name}.json").read_text())
    return recording


def recorded(
    name: str, changes: Mapping[str, Any] | None = None, query: str = ""
) -> WebhookRequest:
    """A recording, with fields replaced (None removes one) and our own query parameters added."""
    recording = load(name)
    if recording["method"] == "GET":
        fields = changed(dict(parse_qsl(recording["query"], keep_blank_values=True)), changes)
        theirs = urlencode(fields)
        return get("&".join(filter(None, (query, theirs))), recording["path"])
    return post(changed(recording["body"], changes), recording["path"], query)


def parsed(name: str, changes: Mapping[str, Any] | None = None, query: str = "") -> WebhookReport:
    """The recording, through the hook its path belongs to."""
    path = load(name)["path"]
    hook = next(kind for prefix, kind in HOOKS.items() if path.startswith(prefix))
    return webhooks.parse(hook, recorded(name, changes, query))


def only(name: str, changes: Mapping[str, Any] | None = None) -> CallEvent:
    """The one event of a recording."""
    (event,) = parsed(name, changes).events
    return event


def signed(
    request: WebhookRequest,
    secret: str = SECRET,
    *,
    api_key: str = API_KEY,
    application_id: str | None = APPLICATION,
    jti: str | None = None,
) -> WebhookRequest:
    """The request with the token Vonage would send with it."""
    is_get = request.method == "GET"
    payload = signature.query_payload(request.query) if is_get else request.body
    token = signature.sign(
        secret,
        api_key=api_key,
        payload=payload,
        application_id=application_id,
        now=request.received_at,
        jti=jti,
    )
    return with_token(request, token)


def with_token(request: WebhookRequest, token: str) -> WebhookRequest:
    return WebhookRequest(
        request.method,
        request.url,
        (("host", "patchbay.example"), ("authorization", f"Bearer {token}")),
        request.body,
        request.received_at,
    )


def changed(fields: Mapping[str, Any], changes: Mapping[str, Any] | None) -> dict[str, Any]:
    """Fields replaced or added; None removes one (a None of the recording's own stays)."""
    removed = {name for name, value in (changes or {}).items() if value is None}
    merged = {**fields, **(changes or {})}
    return {name: value for name, value in merged.items() if name not in removed}
