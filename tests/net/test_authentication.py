"""Headers of a server's credential, checked as a receiver would: with hmac, written by hand."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import pytest

from app.net.authentication import Bearer, Hmac, Outgoing, behind, plan_problems

BODY, AT = b'{"message": {"a": "\xc3\xa9"}}', 1_700_000_000
REQUEST = Outgoing("https://example.com/hook?a=b", BODY, "message-1", AT)
KEY = b"k\x00ey"


def mac(signed: bytes, algorithm: str = "sha256", key: bytes = b"the key") -> bytes:
    return hmac.new(key, signed, getattr(hashlib, algorithm)).digest()


STAMPED = b"1700000000." + BODY
HMAC: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({}, {"x-signature": mac(STAMPED).hex(), "x-timestamp": "1700000000"}),
    (
        {"algorithm": "sha512"},
        {"x-signature": mac(STAMPED, "sha512").hex(), "x-timestamp": "1700000000"},
    ),
    (
        {"algorithm": "sha1"},
        {"x-signature": mac(STAMPED, "sha1").hex(), "x-timestamp": "1700000000"},
    ),
    ({"includeTimestamp": False}, {"x-signature": mac(BODY).hex()}),
    (  # as receivers of Vapi's messages are told to set it up
        {"signatureHeader": "x-vapi-signature", "timestampHeader": "", "payloadFormat": "{body}"},
        {"x-vapi-signature": mac(BODY).hex()},
    ),
    (  # as GitHub signs
        {
            "signatureHeader": "X-Hub-Signature-256",
            "signaturePrefix": "sha256=",
            "includeTimestamp": False,
        },
        {"X-Hub-Signature-256": "sha256=" + mac(BODY).hex()},
    ),
    (  # as Svix signs
        {
            "signatureHeader": "svix-signature",
            "timestampHeader": "svix-timestamp",
            "messageIdHeader": "svix-id",
            "payloadFormat": "{svix-id}.{timestamp}.{body}",
            "signatureEncoding": "base64",
            "signaturePrefix": "v1,",
            "secretKey": base64.b64encode(KEY).decode().rstrip("="),
            "secretIsBase64": True,
        },
        {
            "svix-id": "message-1",
            "svix-timestamp": "1700000000",
            "svix-signature": "v1,"
            + base64.b64encode(mac(b"message-1." + STAMPED, key=KEY)).decode(),
        },
    ),
    (  # a body with a placeholder's text is not replaced again
        {"payloadFormat": "{method} {url} {body} {other}", "includeTimestamp": False},
        {"x-signature": mac(b"POST https://example.com/hook?a=b " + BODY + b" {other}").hex()},
    ),
]


@pytest.mark.parametrize(("plan", "headers"), HMAC)
def test_hmac(plan: dict[str, Any], headers: dict[str, str]) -> None:
    whole = {"type": "hmac", "secretKey": "the key", "algorithm": "sha256", **plan}
    assert plan_problems(whole) == []
    assert Hmac(whole).headers(REQUEST) == headers


@pytest.mark.parametrize(
    ("plan", "headers"),
    [
        ({}, {"Authorization": "Bearer a token"}),
        ({"bearerPrefixEnabled": False}, {"Authorization": "a token"}),
        (
            {"headerName": "X-Vapi-Secret", "bearerPrefixEnabled": False},
            {"X-Vapi-Secret": "a token"},
        ),
        ({"headerName": "X-Api-Key"}, {"X-Api-Key": "Bearer a token"}),
    ],
)
def test_bearer(plan: dict[str, Any], headers: dict[str, str]) -> None:
    whole = {"type": "bearer", "token": "a token", **plan}
    assert plan_problems(whole) == []
    assert Bearer(whole).headers(REQUEST) == headers


def test_a_servers_own_header_comes_first() -> None:
    signer = behind(Bearer({"type": "bearer", "token": "a"}), {"authorization": "own"})
    assert signer is not None
    assert signer.headers(REQUEST) == {}


HASHED = {"type": "hmac", "secretKey": "s", "algorithm": "sha256"}
OAUTH = {"type": "oauth2", "url": "https://a.example/t", "clientId": "c", "clientSecret": "s"}


@pytest.mark.parametrize(
    ("plan", "problem"),
    [
        (None, "p must be an object"),
        ({}, "p.type must be one of the following values: bearer, hmac, oauth2"),
        ({"type": "bearer"}, "p.token should not be empty"),
        ({"type": "bearer", "token": "a\nb"}, "p.token must be one line of plain ASCII"),
        ({"type": "bearer", "token": "a", "more": 1}, "p.more should not exist"),
        ({"type": "bearer", "token": "a", "headerName": "Host"}, "p.headerName must be the name"),
        ({"type": "bearer", "token": "a", "headerName": "a b"}, "p.headerName must be the name"),
        ({"type": "bearer", "token": "a", "bearerPrefixEnabled": "no"}, "must be a boolean"),
        ({"type": "hmac", "algorithm": "sha256"}, "p.secretKey should not be empty"),
        ({**HASHED, "algorithm": "md5"}, "must be one of the following values: sha256, sha512"),
        ({**HASHED, "signatureHeader": "content-length"}, "p.signatureHeader must be the name"),
        ({**HASHED, "signaturePrefix": "\u2603"}, "p.signaturePrefix must be one line"),
        ({**OAUTH, "clientSecret": ""}, "p.clientSecret should not be empty"),
        ({**OAUTH, "scope": "s" * 1001}, "p.scope must be at most 1000 characters"),
        ({**OAUTH, "url": 7}, "p.url must be a string"),
    ],
)
def test_plan_problems(plan: Any, problem: str) -> None:
    [found] = plan_problems(plan, "p")
    assert problem in found
