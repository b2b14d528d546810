"""The headers of a request to the client's server."""

from __future__ import annotations

from app.delivery import signing
from app.net.authentication import Outgoing, add, body_signature
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
# Of a server with a secret. Many receivers of Vapi's messages check the signature.
OF_SECRET = frozenset({"x-vapi-secret", "x-vapi-signature"})


def headers(request: Outgoing, secrets: JsonObject, *, rejected: bool = False) -> dict[str, str]:
    """The headers of one request.

    ``secrets``: ``secret`` and ``headers`` of the server, and the ``signer`` of its credential.
    A header of the server's own replaces the signer's, as at Vapi. Neither replaces ours, except
    that a signer may sign as Standard Webhooks do. Raises ``AuthenticationFailed``.
    """
    secret, signer = secrets.get("secret"), secrets.get("signer")
    own = (secrets.get("headers") or {}).items()
    kept = {name: str(value) for name, value in own if name.lower() not in RESERVED}
    if secret:
        kept = {n: v for n, v in kept.items() if n.lower() not in OF_SECRET}
        kept |= {"X-Vapi-Secret": secret, "X-Vapi-Signature": body_signature(request.body, secret)}
    ours = {"Content-Type": "application/json", "User-Agent": "Patchbay"}
    ours |= signing.headers(request.message_id, request.at, request.body, secret)
    if signer is not None:
        proof = signer.headers(request, rejected=rejected)
        kept = add(kept, proof)
        ours = {n: v for n, v in ours.items() if n not in {name.lower() for name in proof}}
    return {**kept, **ours}
