"""What an assistant means for a call: overrides applied, server found, backend chosen.

Keeps every field it does not know. Where Vapi has an old and a new name for one thing, both
are read and the new one wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.config import ASSISTANT_DEFAULT_SECONDS, Settings

SECRETS = (
    ("serverUrlSecret",),
    ("server", "secret"),
    ("server", "headers"),
    ("transport", "headers"),
)
"""Paths in assistants and phone numbers that are kept sealed and never shown."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where a call's messages go. ``secret`` and ``headers`` are sealed before they are stored."""

    url: str
    secret: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    policy: Mapping[str, Any] = field(default_factory=dict)
    """Vapi's ``timeoutSeconds`` and ``backoffPlan``, as far as given."""


def split_secrets(body: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A body without its secrets, and the secrets alone (the same nesting)."""
    public, secret = dict(body), dict[str, Any]()
    for path in SECRETS:
        holder = public
        if len(path) == 2:
            inner = public.get(path[0])
            if not isinstance(inner, Mapping):
                continue
            holder = public[path[0]] = dict(inner)
        if path[-1] in holder:
            kept = secret.setdefault(path[0], {}) if len(path) == 2 else secret
            kept[path[-1]] = holder.pop(path[-1])
    return public, secret


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``over`` laid over ``base``, objects field by field."""
    merged = dict(base)
    for name, value in over.items():
        below = merged.get(name)
        both = isinstance(value, Mapping) and isinstance(below, Mapping)
        merged[name] = merge(below, value) if both else value  # type: ignore[arg-type]
    return merged


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
    if backend not in {"echo", "stream"}:
        backend = settings.assistant_backend
    return str(backend), transport.get("url") or settings.stream_url


def wants(assistant: Mapping[str, Any], message_type: str) -> bool:
    """Whether ``serverMessages`` lets this type through; all we send do where it is absent."""
    listed = assistant.get("serverMessages")
    return not isinstance(listed, list) or message_type in listed
