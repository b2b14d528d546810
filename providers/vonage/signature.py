"""Verifies Vonage's signed webhooks: a JWT (HS256, the signature secret) with the body's hash.

The SDK's ``verify_signature`` checks neither the claims nor the hash, so this file does. The token
covers the body of a POST and the query of a GET, never the path: see ``token_digest``. ``bearer.py``
reads a token; what it has to say is checked here.
https://developer.vonage.com/en/getting-started/concepts/webhooks#decoding-signed-webhooks
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, TypeGuard
from urllib.parse import parse_qsl
from uuid import uuid4

from providers.base.rest import Account, SignedProbe
from providers.base.webhook import WebhookRequest
from providers.common.json_types import JsonDict, JsonObject
from providers.errors import InvalidSignature, NoSecret, NotConfigured
from providers.vonage import bearer
from providers.vonage.bearer import Token

ISSUER = "Vonage"
# Seconds that a token's ``iat`` may differ from our clock, either way.
MAX_AGE = 300
# Seconds of clock difference granted to ``exp`` and ``nbf``, where a token has them.
LEEWAY = 60
MAX_FIELDS = 200


def sign(
    secret: str,
    *,
    api_key: str,
    payload: bytes | None,
    application_id: str | None = None,
    now: datetime,
    jti: str | None = None,
) -> str:
    """The token for ``payload`` (raw body, or ``query_payload``); None for a socket."""
    claims: JsonDict = {
        "iat": int(now.timestamp()),
        "jti": jti or str(uuid4()),
        "iss": ISSUER,
        "api_key": api_key,
    }
    if payload is not None:
        claims["payload_hash"] = hashlib.sha256(payload).hexdigest()
    if application_id is not None:
        claims["application_id"] = application_id
    return bearer.encode(json.dumps(claims).encode(), secret)


def probe(url: str, account: Account, now: datetime) -> SignedProbe:
    """A signed event of a leg that does not exist. Raises ``NotConfigured``."""
    secrets = account.secrets.get("signatureSecrets")
    if not secrets:
        raise NotConfigured(
            f"Vonage account {account.ref} has no signatureSecret: none of its webhooks is let in"
        )
    event = {
        "uuid": str(uuid4()),
        "conversation_uuid": f"CON-{uuid4()}",
        "status": "ringing",
        "direction": "inbound",
        "timestamp": now.isoformat(),
    }
    body = _compact(event, ascii_only=True)
    token = sign(secrets[0], api_key=account.ref, payload=body, now=now)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    return SignedProbe(headers, body)


def query_payload(query: str) -> bytes:
    """The bytes hashed for a GET: its parameters, in order, as one compact JSON object."""
    return _compact(dict(_pairs(query)), ascii_only=False)


def claimed_account(request: WebhookRequest) -> str | None:
    """The api key the token names, unverified; None when it names its application only.

    Raises ``MissingSignature``, and ``InvalidSignature`` for a token that cannot be read.
    """
    key = _token(request).claims.get("api_key")
    return key if isinstance(key, str) else None


def verify(request: WebhookRequest, account: Account) -> None:
    """Raise ``Refused`` unless Vonage signed this body (on GET: query) just now."""
    claims = _verified(request, account)
    claimed = claims.get("payload_hash")
    if not isinstance(claimed, str):
        raise InvalidSignature("Vonage: the token has no payload_hash")
    hashes = (hashlib.sha256(payload).hexdigest() for payload in _payloads(request))
    if not any(_same(claimed.lower(), value) for value in hashes):
        raise InvalidSignature("Vonage: the payload is not the one that was signed")


def token_digest(request: WebhookRequest) -> str | None:
    """What no other request's event may have: a digest of the token's id and account.

    Vonage sends a request a second time when our answer was slow, perhaps under the same token. The
    repetition has no effect, because its event has the same key. The same token with another event
    is an attack: its sender changed what no signature covers.
    """
    token: Token | None = request.parsed.get("token")
    if token is None:
        return None
    parts = [token.claims.get(name) for name in ("api_key", "application_id", "jti")]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def verify_socket(
    url: str,
    headers: Sequence[tuple[str, str]],
    account: Account,
    now: datetime | None = None,
) -> None:
    """Raise ``Refused`` unless the handshake carries the token of ``authorization: vonage``.

    The token names no payload here, and Vonage does not document whether it is fresh. The
    single-use token in ``url`` makes the handshake unique; the caller checks it.
    https://developer.vonage.com/en/voice/voice-api/concepts/websockets
    """
    _verified(WebhookRequest("GET", url, headers, b"", now or datetime.now(UTC)), account)


def _verified(request: WebhookRequest, account: Account) -> JsonObject:
    token = _token(request)
    secrets = [secret for secret in account.secrets.get("signatureSecrets", ()) if secret]
    if not secrets:
        raise NoSecret(f"Vonage account {account.ref}: VONAGE_SIGNATURE_SECRET is not set")
    # Every secret is tried, so that the time does not tell which one holds.
    if not sum(bearer.holds(token, secret) for secret in secrets):
        raise InvalidSignature(
            "Vonage: the token is not signed with the account's signature secret"
        )
    _check_times(token.claims, request.received_at.timestamp())
    _check_names(token.claims, account)
    return token.claims


def _token(request: WebhookRequest) -> Token:
    """The request's token, taken apart once."""
    if "token" not in request.parsed:
        request.parsed["token"] = bearer.read(request.header("authorization"))
    token: Token = request.parsed["token"]
    return token


def _check_times(claims: JsonObject, now: float) -> None:
    issued, expires, begins = claims.get("iat"), claims.get("exp", now), claims.get("nbf", now)
    if not _is_number(issued) or not abs(now - issued) <= MAX_AGE:
        raise InvalidSignature("Vonage: the token is too old, or of the future; check the clock")
    if not _is_number(expires) or not now <= expires + LEEWAY:
        raise InvalidSignature("Vonage: the token has expired")
    if not _is_number(begins) or not begins - LEEWAY <= now:
        raise InvalidSignature("Vonage: the token is not valid yet")


def _is_number(value: Any) -> TypeGuard[float]:
    # The bound excludes infinities and integers that no float can hold; NaN fails it too.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12


def _check_names(claims: JsonObject, account: Account) -> None:
    jti = claims.get("jti")
    if not isinstance(jti, str) or not jti:
        raise InvalidSignature("Vonage: the token has no jti")
    if claims.get("iss", ISSUER) != ISSUER:
        raise InvalidSignature("Vonage: the token has another issuer")
    wanted = {"api_key": account.ref, "application_id": account.secrets.get("applicationId")}
    named = {name: claims[name] for name in wanted if name in claims}
    if not named:
        raise InvalidSignature("Vonage: the token names neither account nor application")
    for name, value in named.items():
        if not isinstance(value, str) or not _same(value, wanted[name] or value):
            raise InvalidSignature(f"Vonage: the token is for another {name}")


def _payloads(request: WebhookRequest) -> Iterator[bytes]:
    """The bytes that may have been hashed: a serializer on the way may have rewritten the JSON."""
    if request.method == "GET":
        yield from _spellings(dict(_pairs(request.query)))
        return
    yield request.body
    try:
        yield from _spellings(json.loads(request.body))
    except (ValueError, RecursionError):
        return


def _spellings(value: Any) -> Iterator[bytes]:
    yield _compact(value, ascii_only=False)
    yield _compact(value, ascii_only=True)


def _compact(value: Any, *, ascii_only: bool) -> bytes:
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=ascii_only)
    return text.encode("utf-8", "surrogatepass")


def _pairs(query: str) -> list[tuple[str, str]]:
    """The query's parameters.

    Raises ``InvalidSignature`` for a repeated name: the hash could cover only one.
    """
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise InvalidSignature("Vonage: too many query parameters") from error
    if len({name for name, _ in pairs}) != len(pairs):
        raise InvalidSignature("Vonage: a query parameter is repeated")
    return pairs


def _same(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode("utf-8", "replace"), right.encode("utf-8", "replace"))
