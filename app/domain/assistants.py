"""What an assistant means for a call: overrides applied, server found, backend chosen.

Keeps every field it does not know. Where Vapi has an old and a new name for one thing, both
are read and the new one wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from app.config import ASSISTANT_DEFAULT_SECONDS, BACKENDS, Settings

SECRETS = (
    ("serverUrlSecret",),
    ("server", "secret"),
    ("server", "headers"),
    ("transport", "headers"),
    ("model", "headers"),
)
"""Fields, alone or inside an object of that name, that are kept sealed and never shown."""

DEFAULT_MESSAGES = (
    "conversation-update",
    "end-of-call-report",
    "function-call",
    "hang",
    "speech-update",
    "status-update",
    "tool-calls",
    "transfer-destination-request",
    "user-interrupted",
)
"""Of ``serverMessages``, as today's page has them. https://docs.vapi.ai/api-reference/assistants/create"""
FINAL_TRANSCRIPT = 'transcript[transcriptType="final"]'
"""``transcript`` without its partial ones."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where a call's messages go. ``secret`` and ``headers`` are sealed before they are stored."""

    url: str
    secret: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    policy: Mapping[str, Any] = field(default_factory=dict)
    """Vapi's ``timeoutSeconds`` and ``backoffPlan``, as far as given."""


def split_secrets(body: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A body without its secrets, and the secrets alone: ``merge`` puts them back.

    Tools have servers too, so these are looked for at every depth.
    """
    public, secret = _split(body, "")
    if "credentials" in public:  # Vapi's dynamic credentials: keys of other vendors
        secret["credentials"] = public.pop("credentials")
    return public, secret


def _split(value: Mapping[str, Any], holder: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """``holder``: the name of the field this object stands in."""
    public, secret = dict[str, Any](), dict[str, Any]()
    for name, inner in value.items():
        if _is_secret(holder, name):
            secret[name] = inner
            continue
        public[name], below = _split_any(inner, name)
        if below:
            secret[name] = below
    return public, secret


def _split_any(value: Any, holder: str) -> tuple[Any, dict[str, Any]]:
    if isinstance(value, Mapping):
        return _split(value, holder)
    if not isinstance(value, list):
        return value, {}
    parts = [_split_any(item, holder) for item in value]
    return [part for part, _ in parts], {f"#{n}": s for n, (_, s) in enumerate(parts) if s}


def with_secrets(old: Any, new: Any, holder: str = "") -> Any:
    """``new`` with the secrets of ``old`` where it leaves them out.

    In lists only an item that still has its server gets that server's: items may have moved.
    """
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        kept = {n: v for n, v in old.items() if n not in new and _is_secret(holder, n)}
        given = {
            name: value if _is_secret(holder, name) else with_secrets(old.get(name), value, name)
            for name, value in new.items()
        }
        return {**kept, **given}
    if isinstance(old, list) and isinstance(new, list):
        pairs = zip_longest(old[: len(new)], new)
        return [with_secrets(o, n, holder) if _server(o) == _server(n) else n for o, n in pairs]
    return new


def _is_secret(holder: str, name: str) -> bool:
    return (name,) in SECRETS or (holder, name) in SECRETS


def _server(item: Any) -> Any:
    server = item.get("server") if isinstance(item, Mapping) else None
    return server.get("url") if isinstance(server, Mapping) else None


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``over`` laid over ``base``, objects field by field; ``#0`` names a list's first item."""
    merged = dict(base)
    for name, value in over.items():
        merged[name] = _merged(merged.get(name), value)
    return merged


def _merged(below: Any, value: Any) -> Any:
    if isinstance(below, Mapping) and isinstance(value, Mapping):
        return merge(below, value)
    if isinstance(below, list) and isinstance(value, Mapping):
        return [_merged(x, value[f"#{n}"]) if f"#{n}" in value else x for n, x in enumerate(below)]
    return value


def server_of(body: Mapping[str, Any]) -> Server | None:
    """The server of an assistant or phone number, its secrets included."""
    server = body.get("server")
    server = server if isinstance(server, Mapping) else {}
    url = server.get("url") or body.get("serverUrl")
    if not url:
        return None
    policy = {name: server[name] for name in ("timeoutSeconds", "backoffPlan") if server.get(name)}
    secret = server.get("secret") or body.get("serverUrlSecret")
    return Server(url, secret, server.get("headers") or {}, policy)


def max_duration(call: Mapping[str, Any], assistant: Mapping[str, Any]) -> int:
    """Seconds: the call's own, else the assistant's, else the default."""
    return int(
        call.get("maxDurationSeconds")
        or assistant.get("maxDurationSeconds")
        or ASSISTANT_DEFAULT_SECONDS
    )


def backend_of(assistant: Mapping[str, Any], settings: Settings) -> tuple[str, str | None]:
    """Who answers the media socket, and the address where that is an external stream."""
    transport = assistant.get("transport")
    transport = transport if isinstance(transport, Mapping) else {}
    backend = transport.get("provider")
    if backend not in BACKENDS:
        backend = settings.assistant_backend
    return str(backend), transport.get("url") or settings.stream_url


def wants(
    assistant: Mapping[str, Any], message_type: str, extra: Mapping[str, Any] | None = None
) -> bool:
    """Whether ``serverMessages`` lets this type through; ``DEFAULT_MESSAGES`` where it is absent.

    ``extra``: the message's own fields, for the types that may be chosen by one of them.
    """
    listed = assistant.get("serverMessages")
    listed = listed if isinstance(listed, list) else DEFAULT_MESSAGES
    if message_type in listed:
        return True
    final = (extra or {}).get("transcriptType") == "final"
    return final and FINAL_TRANSCRIPT in listed


def wants_of_client(assistant: Mapping[str, Any], message_type: str) -> bool:
    """The same of ``clientMessages``, for those who listen to the call."""
    listed = assistant.get("clientMessages")
    return not isinstance(listed, list) or message_type in listed
