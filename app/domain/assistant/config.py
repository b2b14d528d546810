"""What an assistant means for a call: overrides applied, server found, backend chosen.

Keeps every field it does not know. Where Vapi has an old and a new name for one thing, both
are read and the new one wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.settings import ASSISTANT_DEFAULT_SECONDS, Settings

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
    if backend not in settings.backends:
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
