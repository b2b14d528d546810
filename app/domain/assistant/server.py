"""Where an assistant is and who hears of it: its server, and the transport of its sound. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.domain.assistant.fields import text_of
from app.settings import BACKENDS, Settings


@dataclass(frozen=True, slots=True)
class Server:
    """Where a call's messages go. ``secret`` and ``headers`` are sealed before they are stored."""

    url: str
    secret: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    policy: Mapping[str, Any] = field(default_factory=dict)
    """Vapi's ``timeoutSeconds`` and ``backoffPlan``, as far as given."""


@dataclass(frozen=True, slots=True)
class Transport:
    """``transport``: who answers the media socket."""

    provider: str
    url: str | None
    """Of an external stream."""
    headers: Mapping[str, Any] = field(repr=False)

    def backend(self, settings: Settings) -> str:
        """The assistant's backend; the setting's where it names none that is known."""
        return self.provider if self.provider in BACKENDS else settings.assistant_backend

    def stream_url(self, settings: Settings) -> str | None:
        return self.url or settings.stream_url


def server_of(body: Mapping[str, Any]) -> Server | None:
    """The server of an assistant, tool or phone number, its secrets included."""
    server = body.get("server")
    server = server if isinstance(server, Mapping) else {}
    url = server.get("url") or body.get("serverUrl")
    if not url:
        return None
    policy = {name: server[name] for name in ("timeoutSeconds", "backoffPlan") if server.get(name)}
    secret = server.get("secret") or body.get("serverUrlSecret")
    return Server(url, secret, server.get("headers") or {}, policy)


def transport_of(assistant: Mapping[str, Any]) -> Transport:
    """Who answers for this assistant; nothing of it where it has no ``transport``."""
    given = assistant.get("transport")
    given = given if isinstance(given, Mapping) else {}
    url, headers = given.get("url") or None, given.get("headers") or {}
    return Transport(text_of(given, "provider"), url, headers)
