"""Headers that prove to a client's server who asks: Vapi's ``authenticationPlan`` in three types.

``bearer`` sends a token, ``hmac`` signs the body, ``oauth2`` sends a token of the client's own
authorisation server.
https://docs.vapi.ai/server-url/server-authentication
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from app.net.headers import FRAMING, HANDSHAKE, HEADER_NAME, value_problem

Plan = Mapping[str, Any]

ALGORITHMS: Mapping[str, Callable[..., Any]] = {
    "sha256": hashlib.sha256,
    "sha512": hashlib.sha512,
    "sha1": hashlib.sha1,
}
SECRETS: Mapping[str, str] = {"bearer": "token", "hmac": "secretKey", "oauth2": "clientSecret"}
"""The sealed field of each type of plan."""
PLACEHOLDER = re.compile(r"\{(body|timestamp|method|url|svix-id)\}")
MAX_TEXT = 10_000
MAX_SCOPE = 1_000

TEXT, FLAG = "a string", "a boolean"
FIELDS: Mapping[str, Mapping[str, str]] = {
    "bearer": {"token": TEXT, "headerName": TEXT, "bearerPrefixEnabled": FLAG},
    "hmac": {
        "secretKey": TEXT,
        "algorithm": TEXT,
        "signatureHeader": TEXT,
        "timestampHeader": TEXT,
        "signaturePrefix": TEXT,
        "includeTimestamp": FLAG,
        "payloadFormat": TEXT,
        "messageIdHeader": TEXT,
        "signatureEncoding": TEXT,
        "secretIsBase64": FLAG,
    },
    "oauth2": {"url": TEXT, "clientId": TEXT, "clientSecret": TEXT, "scope": TEXT},
}
"""The fields of each type, and what they are."""
REQUIRED: Mapping[str, tuple[str, ...]] = {
    "bearer": ("token",),
    "hmac": ("secretKey", "algorithm"),
    "oauth2": ("url", "clientId", "clientSecret"),
}
CHOICES: Mapping[str, tuple[str, ...]] = {
    "algorithm": tuple(ALGORITHMS),
    "signatureEncoding": ("hex", "base64"),
}
HEADERS = frozenset({"headerName", "signatureHeader", "timestampHeader", "messageIdHeader"})
"""Fields that name a header."""
OURS = FRAMING | {"content-type", "user-agent"}
"""Headers that no credential sets."""
SENT = frozenset({"token", "signaturePrefix"})
"""Fields that are sent in a header's value."""


class AuthenticationFailed(Exception):
    """There are no headers for a request; the message says why."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request as it is sent. ``at``: seconds since 1970."""

    url: str
    body: bytes = field(repr=False)
    message_id: str
    at: int
    method: str = "POST"


class Signer(Protocol):
    """A credential, ready for requests."""

    @property
    def waits(self) -> bool:
        """Whether ``headers`` may wait for another server: then call it from a thread."""
        ...

    def headers(self, request: Outgoing, *, rejected: bool = False) -> Mapping[str, str]:
        """``rejected``: the server answered 401 to the last ones. Raises ``AuthenticationFailed``."""
        ...


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token in a header."""

    plan: Plan = field(repr=False)
    waits: bool = False

    def headers(self, request: Outgoing, *, rejected: bool = False) -> Mapping[str, str]:
        return bearer(self.plan, str(self.plan["token"]))


@dataclass(frozen=True, slots=True)
class Hmac:
    """A signature of the request."""

    plan: Plan = field(repr=False)
    waits: bool = False

    def headers(self, request: Outgoing, *, rejected: bool = False) -> Mapping[str, str]:
        plan, stamped = self.plan, self.plan.get("includeTimestamp") is not False
        found = {plan.get("signatureHeader") or "x-signature": signature(plan, request)}
        if stamped and (name := plan.get("timestampHeader", "x-timestamp")):
            found[name] = str(request.at)
        if name := plan.get("messageIdHeader"):
            found[name] = request.message_id
        return found


@dataclass(frozen=True, slots=True)
class Unusable:
    """A credential that is missing, or cannot be opened."""

    problem: str
    waits: bool = False

    def headers(self, request: Outgoing, *, rejected: bool = False) -> Mapping[str, str]:
        raise AuthenticationFailed(self.problem)


@dataclass(frozen=True, slots=True)
class Behind:
    """Another signer, whose headers do not replace a server's own."""

    signer: Signer
    own: frozenset[str]
    """Names of headers, in lower case."""

    @property
    def waits(self) -> bool:
        return self.signer.waits

    def headers(self, request: Outgoing, *, rejected: bool = False) -> Mapping[str, str]:
        proof = self.signer.headers(request, rejected=rejected)
        return {name: value for name, value in proof.items() if name.lower() not in self.own}


def behind(signer: Signer | None, own: Mapping[str, Any]) -> Signer | None:
    """The signer for a server that has headers of its own."""
    return signer and Behind(signer, frozenset(name.lower() for name in own))


def bearer(plan: Plan, token: str) -> dict[str, str]:
    """The header of a token."""
    prefix = "" if plan.get("bearerPrefixEnabled") is False else "Bearer "
    return {str(plan.get("headerName") or "Authorization"): prefix + token}


def signature(plan: Plan, request: Outgoing) -> str:
    """The value of the signature's header."""
    stamped = plan.get("includeTimestamp") is not False
    form = plan.get("payloadFormat") or ("{timestamp}.{body}" if stamped else "{body}")
    known = {
        "body": request.body,
        "timestamp": str(request.at).encode(),
        "method": request.method.encode(),
        "url": request.url.encode(),
        "svix-id": request.message_id.encode(),
    }
    parts = PLACEHOLDER.split(str(form))
    signed = b"".join(known[p] if n % 2 else p.encode() for n, p in enumerate(parts))
    mac = hmac.new(_key(plan), signed, ALGORITHMS[str(plan["algorithm"])]).digest()
    encoded = base64.b64encode(mac).decode()
    text = encoded if plan.get("signatureEncoding") == "base64" else mac.hex()
    return f"{plan.get('signaturePrefix') or ''}{text}"


def body_signature(body: bytes, secret: str) -> str:
    """``X-Vapi-Signature``: the HMAC-SHA256 of the body in hex. Many receivers check it."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def add(own: Mapping[str, str], proof: Mapping[str, str]) -> dict[str, str]:
    """The server's own headers and those of its credential. A header of its own comes first."""
    names = {name.lower() for name in own}
    return {**own, **{n: value for n, value in proof.items() if n.lower() not in names}}


def plan_problems(plan: object, path: str = "authenticationPlan") -> list[str]:
    """A sentence for each field that cannot be used. The URL's address is not checked here."""
    if not isinstance(plan, Mapping):
        return [f"{path} must be an object"]
    kind = plan.get("type")
    if kind not in FIELDS:
        return [f"{path}.type must be one of the following values: {', '.join(FIELDS)}"]
    fields = FIELDS[str(kind)]
    wrong = [f"{path}.{n} should not exist" for n in plan if n not in fields and n != "type"]
    wrong += [f"{path}.{n} should not be empty" for n in REQUIRED[str(kind)] if not plan.get(n)]
    given = {n: plan[n] for n in fields if plan.get(n) is not None}
    return wrong + [f"{path}.{n} {why}" for n, value in given.items() if (why := _wrong(n, value))]


def _wrong(name: str, value: object) -> str | None:
    if FIELD_TYPES[name] == FLAG:
        return None if isinstance(value, bool) else f"must be {FLAG}"
    if not isinstance(value, str):
        return f"must be {TEXT}"
    most = MAX_SCOPE if name == "scope" else MAX_TEXT
    if len(value) > most:
        return f"must be at most {most} characters"
    if name in CHOICES and value not in CHOICES[name]:
        return f"must be one of the following values: {', '.join(CHOICES[name])}"
    if name in HEADERS and value and not _is_header(value):
        return "must be the name of a header that a client may set"
    return value_problem(value) if name in SENT else None


FIELD_TYPES = {name: kind for fields in FIELDS.values() for name, kind in fields.items()}


def key_problem(plan: Plan) -> str | None:
    """Why an ``hmac`` plan's secret is no key."""
    try:
        _key(plan)
    except ValueError:
        return "secretKey is not base64"
    return None


def _key(plan: Plan) -> bytes:
    secret = str(plan["secretKey"])
    if plan.get("secretIsBase64") is True:
        return base64.b64decode(secret + "=" * (-len(secret) % 4), validate=True)
    return secret.encode()


def _is_header(name: str) -> bool:
    plain = name.lower()
    known = bool(HEADER_NAME.fullmatch(name)) and not plain.startswith(HANDSHAKE)
    return known and plain not in OURS
