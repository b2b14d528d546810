"""The headers of a request to the client's server."""

from __future__ import annotations

from app.delivery import signing
from app.net.headers import FRAMING
from providers.common.json_types import JsonObject

# Headers that ``server.headers`` cannot set: they belong to the connection or to the signature.
RESERVED = FRAMING | {
    "content-type",
    "user-agent",
    "webhook-id",
    "webhook-signature",
    "webhook-timestamp",
}


def headers(message_id: str, body: bytes, at: int, secrets: JsonObject) -> dict[str, str]:
    """The headers of one request, at this second.

    ``secrets``: ``secret`` and ``headers`` of the server. Ours come last, so that the server's own
    cannot replace them.
    """
    secret = secrets.get("secret")
    own = (secrets.get("headers") or {}).items()
    kept = {name: str(value) for name, value in own if name.lower() not in RESERVED}
    if secret:
        kept = {n: v for n, v in kept.items() if n.lower() != "x-vapi-secret"}
        kept["X-Vapi-Secret"] = secret
    stamp = signing.headers(message_id, at, body, secret)
    return {**kept, "Content-Type": "application/json", "User-Agent": "Patchbay", **stamp}
