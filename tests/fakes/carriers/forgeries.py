"""Webhooks that a stranger may send: forged, altered, or signed for something else.

Each row makes one request from a genuine one. The bridge has to refuse all of them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from providers.twilio.signature import FORM, HEADER, JSON, compute
from tests.fakes.carriers.accounts import (
    ACCOUNT,
    API_KEY,
    APPLICATION,
    AUTH_TOKEN,
    CUSTOMER,
    SIGNATURE_SECRET,
    TWILIO_NUMBER,
    VONAGE_NUMBER,
)
from tests.fakes.carriers.mutations import Target

OTHER_ACCOUNT = "AC" + "f" * 32
LARGE = 70_000
"""Bytes, more than a webhook may have."""


@dataclass(frozen=True)
class Raw:
    """A request as it goes over the wire."""

    method: str
    target: str
    headers: Sequence[tuple[str, str]]
    body: bytes


@dataclass(frozen=True)
class Genuine:
    """The request that a forgery begins with. ``base`` is the bridge's public URL."""

    base: str
    path: str
    fields: Mapping[str, str]


Forgery = Callable[[Genuine], Raw]


def genuine(carrier: str, target: Target) -> Sequence[Genuine]:
    """A status of a call, and the arrival of a leg: one changes a call, the other makes one."""
    return [
        Genuine(target.base, path.format(target.token), fields)
        for path, fields in _GENUINE[carrier](target)
    ]


def _twilio_fields(target: Target) -> list[tuple[str, dict[str, str]]]:
    names = {"AccountSid": ACCOUNT, "CallSid": target.ref, "From": CUSTOMER, "To": TWILIO_NUMBER}
    status = {**names, "CallStatus": "completed", "Direction": "outbound-api"}
    arrival = {**names, "CallStatus": "ringing", "Direction": "inbound"}
    return [("/twilio/status/{}", status), ("/twilio/inbound_call", arrival)]


def _vonage_fields(target: Target) -> list[tuple[str, dict[str, str]]]:
    names = {"uuid": target.ref, "conversation_uuid": f"CON-{target.ref}"}
    ends = {"from": CUSTOMER[1:], "to": VONAGE_NUMBER[1:]}
    status = {**names, **ends, "status": "completed", "direction": "outbound"}
    return [("/vonage/event/{}", status), ("/vonage/answer", {**names, **ends})]


_GENUINE = {"twilio": _twilio_fields, "vonage": _vonage_fields}

# ------------------------------------------------------------------ Twilio


def _form(
    it: Genuine,
    *,
    url: str | None = None,
    token: str = AUTH_TOKEN,
    fields: Mapping[str, str] | None = None,
    sent: bytes | None = None,
) -> Raw:
    """A form that is signed for ``url`` and ``fields``, and sent as ``sent``."""
    fields = it.fields if fields is None else fields
    signature = compute(token, url or it.base + it.path, fields.items())
    headers = [("Content-Type", FORM), (HEADER, signature)]
    return Raw("POST", it.path, headers, urlencode(fields).encode() if sent is None else sent)


def _signature(it: Genuine) -> str:
    return dict(_form(it).headers)[HEADER]


def _signed(it: Genuine, *values: str) -> Raw:
    return replace(
        _form(it), headers=[("Content-Type", FORM), *((HEADER, value) for value in values)]
    )


def _typed(it: Genuine, *kinds: str) -> Raw:
    types = [("Content-Type", kind) for kind in kinds]
    return replace(_form(it), headers=[*types, (HEADER, _signature(it))])


def _with(it: Genuine, **changes: str | None) -> dict[str, str]:
    whole = {**it.fields, **changes}
    return {name: value for name, value in whole.items() if value is not None}


def _recut(it: Genuine, name: str, into: tuple[str, str]) -> Raw:
    """The same text run together, with one parameter cut elsewhere."""
    pairs = [into if each[0] == name else each for each in it.fields.items()]
    return _form(it, sent=urlencode(pairs).encode())


def _joined(it: Genuine, first: str, second: str) -> Raw:
    """Two neighbours, made one parameter."""
    value = it.fields[first] + second + it.fields[second]
    pairs = {name: v for name, v in {**it.fields, first: value}.items() if name != second}
    return _form(it, sent=urlencode(pairs).encode())


def _elsewhere(it: Genuine, host: str) -> Raw:
    """Signed for another host, which the headers name."""
    parts = urlsplit(it.base)
    url = f"{parts.scheme}://{host}{it.path}"
    named = [("Host", host), ("X-Forwarded-Host", host), ("Forwarded", f"host={host}")]
    signed = _form(it, url=url)
    return replace(signed, headers=[*named, *signed.headers])


def _json(it: Genuine, digest: str | None) -> Raw:
    body = json.dumps(dict(it.fields)).encode()
    path = it.path if digest is None else f"{it.path}?bodySHA256={digest}"
    headers = [("Content-Type", JSON), (HEADER, compute(AUTH_TOKEN, it.base + path))]
    return Raw("POST", path, headers, body)


def _at(it: Genuine, path: str) -> Raw:
    """A genuine request, sent to another path."""
    return replace(_form(it), target=path)


def _got(it: Genuine) -> Raw:
    return replace(_form(it), method="GET", target=f"{it.path}?{urlencode(it.fields)}", body=b"")


def _hmac(it: Genuine, digest: str) -> Raw:
    text = it.base + it.path + "".join(n + v for n, v in sorted(it.fields.items()))
    made = hmac.digest(AUTH_TOKEN.encode(), text.encode(), digest)
    return _signed(it, base64.b64encode(made).decode())


TWILIO_FORGERIES: Mapping[str, Forgery] = {
    "no signature": lambda it: _signed(it),
    "an empty one": lambda it: _signed(it, ""),
    "two, one of them right": lambda it: _signed(it, _signature(it), "x"),
    "two equal ones": lambda it: _signed(it, _signature(it), _signature(it)),
    "cut short": lambda it: _signed(it, _signature(it)[:-2]),
    "in lower case": lambda it: _signed(it, _signature(it).lower()),
    "the auth token itself": lambda it: _signed(it, AUTH_TOKEN),
    "SHA-256": lambda it: _hmac(it, "sha256"),
    "another token": lambda it: _form(it, token="f" * 32),
    "an empty token": lambda it: _form(it, token=""),
    "the token in upper case": lambda it: _form(it, token=AUTH_TOKEN.upper()),
    "another call's path": lambda it: _form(it, url=f"{it.base}/twilio/status/another"),
    "another hook's path": lambda it: _at(it, "/twilio/after/x"),
    "a slash at the end": lambda it: _at(it, f"{it.path}/"),
    "a slash as %2F": lambda it: _at(it, it.path.replace("/twilio/", "/twilio%2F")),
    "a query added": lambda it: _at(it, f"{it.path}?assistantId=mine"),
    "a query spelt otherwise": lambda it: replace(
        _form(it, url=f"{it.base}{it.path}?a=+"), target=f"{it.path}?a=%20"
    ),
    "another host": lambda it: _elsewhere(it, "evil.example"),
    "another port": lambda it: _elsewhere(it, "localhost:8443"),
    "a dot after the host": lambda it: _elsewhere(it, urlsplit(it.base).netloc.replace(":", ".:")),
    "a value changed": lambda it: _form(it, sent=urlencode(_with(it, CallStatus="busy")).encode()),
    "a parameter added": lambda it: _form(it, sent=urlencode(_with(it, A="x")).encode()),
    "a parameter left out": lambda it: _form(it, sent=urlencode(_with(it, From=None)).encode()),
    "a parameter twice": lambda it: _form(it, sent=urlencode([*it.fields.items()] * 2).encode()),
    "a byte changed": lambda it: replace(_form(it), body=_form(it).body.replace(b"CA", b"CB", 1)),
    "no body": lambda it: _form(it, sent=b""),
    "a large body": lambda it: _form(it, sent=b"x" * LARGE),
    "no UTF-8": lambda it: _form(it, sent=urlencode(it.fields).encode() + b"&x=%ff"),
    "a name cut": lambda it: _recut(it, "CallSid", ("CallSi", f"d{it.fields['CallSid']}")),
    "a value in a name": lambda it: _recut(it, "CallSid", (f"CallSid{it.fields['CallSid']}", "")),
    "a parameter in its neighbour": lambda it: _joined(it, "CallSid", "CallStatus"),
    "a POST's on a GET": lambda it: _got(it),
    "a PUT": lambda it: replace(_form(it), method="PUT"),
    "JSON without a hash": lambda it: _json(it, None),
    "JSON with another hash": lambda it: _json(it, hashlib.sha256(b"{}").hexdigest()),
    "multipart": lambda it: _typed(it, "multipart/form-data; boundary=x"),
    "another charset": lambda it: _typed(it, f"{FORM}; charset=utf-7"),
    "two content types": lambda it: _typed(it, FORM, JSON),
    "an account that is not stored": lambda it: _form(
        it, fields=_with(it, AccountSid=OTHER_ACCOUNT)
    ),
    "no account": lambda it: _form(it, fields=_with(it, AccountSid=None)),
    "no call": lambda it: _form(it, fields=_with(it, CallSid=None)),
    "a call with a line end": lambda it: _form(
        it, fields=_with(it, CallSid=f"{it.fields['CallSid']}\n")
    ),
}

# ------------------------------------------------------------------ Vonage

_SIGNED = b'{"signed":"another body"}'


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


_UNSIGNED = _b64(b'{"alg":"none"}')


def _token(
    body: bytes,
    claims: Mapping[str, Any] | None = None,
    *,
    header: Mapping[str, Any] | None = None,
    secret: str = SIGNATURE_SECRET,
    digest: str = "sha256",
) -> str:
    """A JWT by hand; None removes a claim."""
    whole = {
        "iat": int(datetime.now(UTC).timestamp()),
        "jti": _b64(hashlib.sha256(repr(claims).encode()).digest()),
        "iss": "Vonage",
        "api_key": API_KEY,
        "application_id": APPLICATION,
        "payload_hash": hashlib.sha256(body).hexdigest(),
        **(claims or {}),
    }
    kept = {name: value for name, value in whole.items() if value is not None}
    head = json.dumps(header or {"alg": "HS256", "typ": "JWT"}).encode()
    text = f"{_b64(head)}.{_b64(json.dumps(kept).encode())}"
    return f"{text}.{_b64(hmac.digest(secret.encode(), text.encode(), digest))}"


def _body(it: Genuine) -> bytes:
    return json.dumps(dict(it.fields)).encode()


def _bearing(it: Genuine, *values: str) -> Raw:
    headers = [("Content-Type", "application/json")]
    headers += [("Authorization", value) for value in values]
    return Raw("POST", it.path, headers, _body(it))


def _claims(**claims: Any) -> Forgery:
    return lambda it: _bearing(it, f"Bearer {_token(_body(it), claims)}")


def _made(**how: Any) -> Forgery:
    return lambda it: _bearing(it, f"Bearer {_token(_body(it), **how)}")


def _aged(seconds: int) -> Forgery:
    return lambda it: _claims(iat=int(datetime.now(UTC).timestamp()) + seconds)(it)


def _parts(cut: Callable[[str], str]) -> Forgery:
    return lambda it: _bearing(it, f"Bearer {cut(_token(_body(it)))}")


def _got_json(it: Genuine) -> Raw:
    query = urlencode(it.fields)
    headers = [("Authorization", f"Bearer {_token(_body(it))}")]
    return Raw("GET", f"{it.path}?{query}", headers, b"")


VONAGE_FORGERIES: Mapping[str, Forgery] = {
    "no token": lambda it: _bearing(it),
    "an empty one": lambda it: _bearing(it, ""),
    "no scheme": lambda it: _bearing(it, _token(_body(it))),
    "Basic": lambda it: _bearing(it, f"Basic {_token(_body(it))}"),
    "two tokens": lambda it: _bearing(it, *[f"Bearer {_token(_body(it))}"] * 2),
    "garbage": lambda it: _bearing(it, "Bearer garbage"),
    "dots": lambda it: _bearing(it, "Bearer .."),
    "two parts": _parts(lambda token: token.rpartition(".")[0]),
    "four parts": _parts("{}.e30".format),
    "the signature cut short": _parts(lambda token: token[:-4]),
    "padding inside": _parts(lambda token: token.replace(".", "=.", 1)),
    "alg none": _made(header={"alg": "none"}),
    "alg none, unsigned": _parts(lambda token: f"{_UNSIGNED}.{token.split('.')[1]}."),
    "HS512": _made(header={"alg": "HS512"}, digest="sha512"),
    "HS384": _made(header={"alg": "HS384"}, digest="sha384"),
    "RS256 by name": _made(header={"alg": "RS256"}),
    "a key in the header": _made(
        header={"alg": "HS256", "jwk": {"kty": "oct", "k": _b64(b"evil")}}, secret="evil"
    ),
    "another secret": _made(secret="another secret of some length 0123456789"),
    "an empty secret": _made(secret=""),
    "no iat": _claims(iat=None),
    "no jti": _claims(jti=None),
    "no hash": _claims(payload_hash=None),
    "no account, no application": _claims(api_key=None, application_id=None),
    "301 seconds old": _aged(-302),
    "301 seconds ahead": _aged(303),
    "of 1970": _claims(iat=0),
    "iat as text": _claims(iat="1"),
    "expired": _claims(exp=1),
    "not valid yet": _claims(nbf=10**11),
    "jti a number": _claims(jti=7),
    "another issuer": _claims(iss="Evil"),
    "another account": _claims(api_key="other123"),
    "another application": _claims(application_id="00000000-0000-0000-0000-000000000000"),
    "the hash of another body": _claims(payload_hash=hashlib.sha256(_SIGNED).hexdigest()),
    "the hash of nothing": _claims(payload_hash=hashlib.sha256(b"").hexdigest()),
    "another body": lambda it: replace(_bearing(it, f"Bearer {_token(_SIGNED)}"), body=_body(it)),
    "8 kB": _claims(padding="x" * 6000),
    "a large body": lambda it: replace(
        _bearing(it, f"Bearer {_token(_body(it))}"), body=b"x" * LARGE
    ),
    "a POST's on a GET": _got_json,
    "a PUT": lambda it: replace(_claims()(it), method="PUT"),
    "the older signature": lambda it: replace(
        _bearing(it), target=f"{it.path}?sig={'0' * 64}&api_key={API_KEY}"
    ),
}

FORGERIES: Mapping[str, Mapping[str, Forgery]] = {
    "twilio": TWILIO_FORGERIES,
    "vonage": VONAGE_FORGERIES,
}
