"""Signed webhooks: what is let in, and everything else."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from providers.base.rest import Account
from providers.base.webhook import HookKind, WebhookRequest
from providers.errors import InvalidSignature, MissingSignature, NoSecret, NotConfigured, Refused
from providers.events import EventKind
from providers.vonage import bearer, signature, webhooks
from tests.properties import examples
from tests.providers.vonage.cases import (
    ACCOUNT,
    API_KEY,
    APPLICATION,
    NOW,
    OLD_SECRET,
    SECRET,
    get,
    post,
    recorded,
    signed,
    with_token,
)

STAMP = int(NOW.timestamp())
REQUEST = recorded("inbound_completed_by_user")
GOOD: Mapping[str, Any] = {
    "iat": STAMP,
    "jti": "6d2f3cba-1a4b-4a0c-8fb7-0d6a3c9f8d11",
    "iss": "Vonage",
    "api_key": API_KEY,
    "application_id": APPLICATION,
    "payload_hash": hashlib.sha256(REQUEST.body).hexdigest(),
}
"""The claims Vonage documents, for REQUEST."""

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC_PEM = RSA_KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(
    changes: Mapping[str, Any] | None = None,
    *,
    header: Mapping[str, Any] | None = None,
    key: bytes = SECRET.encode(),
    digest: str = "sha256",
    payload: bytes | None = None,
) -> str:
    """A JWT by hand, so that nothing stops us from forging; None removes a claim."""
    claims = {
        name: value for name, value in {**GOOD, **(changes or {})}.items() if value is not None
    }
    head = json.dumps(header or {"alg": "HS256", "typ": "JWT"}).encode()
    text = f"{b64(head)}.{b64(json.dumps(claims).encode() if payload is None else payload)}"
    return f"{text}.{b64(hmac.digest(key, text.encode(), digest))}"


def check(request: WebhookRequest, account: Account = ACCOUNT) -> None:
    signature.verify(request, account)


def with_header(*values: str) -> WebhookRequest:
    return replace(REQUEST, headers=[("authorization", value) for value in values])


# ------------------------------------------------------------------ let in


def test_a_token_made_by_hand() -> None:
    check(with_token(REQUEST, token()))


def test_a_token_made_by_another_library() -> None:
    check(with_token(REQUEST, jwt.encode(dict(GOOD), SECRET, algorithm="HS256")))


def test_our_token_is_read_by_another_library() -> None:
    made = signature.sign(
        SECRET, api_key=API_KEY, application_id=APPLICATION, payload=REQUEST.body, now=NOW, jti="j"
    )
    claims = jwt.decode(made, SECRET, algorithms=["HS256"], options={"verify_iat": False})
    assert claims == {**GOOD, "jti": "j"}


@pytest.mark.parametrize(
    "name", ["answer", "media_disconnected", "transfer", "answer_get", "input_get"]
)
def test_recorded_requests(name: str) -> None:
    check(signed(recorded(name)))


@pytest.mark.parametrize(
    "changes",
    [
        {"application_id": None},  # the account is enough
        {"api_key": None},  # the application is enough
        {"iss": None},  # older samples have none
        {"iat": STAMP - 300},
        {"iat": STAMP + 300},
        {"iat": STAMP + 0.5},
        {"exp": STAMP + 900},
        {"exp": STAMP - 60},  # within the leeway
        {"nbf": STAMP + 60},
        {"payload_hash": hashlib.sha256(REQUEST.body).hexdigest().upper()},
        {"sub": 7, "aud": "x"},  # claims nobody told us of
    ],
)
def test_claims_let_in(changes: dict[str, Any]) -> None:
    check(with_token(REQUEST, token(changes)))


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_schemes_letters_may_be_large_or_small(scheme: str) -> None:
    check(with_header(f"{scheme} {token()}"))


def test_any_of_several_secrets_holds() -> None:
    account = replace(ACCOUNT, secrets={"signatureSecrets": ["newest", OLD_SECRET]})
    check(signed(REQUEST, OLD_SECRET), account)
    check(signed(REQUEST, "newest"), account)


def test_an_account_that_knows_no_application_takes_any() -> None:
    account = replace(ACCOUNT, secrets={"signatureSecrets": [SECRET]})
    check(with_token(REQUEST, token({"application_id": "another"})), account)


@pytest.mark.parametrize(
    "hashed",
    [
        b'{"a": 1, "name": "Zo\xc3\xab"}',  # as sent
        b'{"a":1,"name":"Zo\xc3\xab"}',  # compact
        b'{"a":1,"name":"Zo\\u00eb"}',  # compact, escaped
    ],
)
def test_a_body_rewritten_on_the_way(hashed: bytes) -> None:
    request = post(b'{"a": 1, "name": "Zo\xc3\xab"}')
    check(with_token(request, token({"payload_hash": hashlib.sha256(hashed).hexdigest()})))


@pytest.mark.parametrize(
    ("query", "hashed"),
    [
        ("", "{}"),
        ("to=1415&from=4477", '{"to":"1415","from":"4477"}'),  # in the order of the URL
        ("from=4477&to=1415", '{"from":"4477","to":"1415"}'),
        ("from_user=Zo%C3%AB+B", '{"from_user":"Zoë B"}'),
        ("from_user=Zo%C3%AB+B", '{"from_user":"Zo\\u00eb B"}'),
        ("dtmf=%7B%22digits%22%3A%221%22%7D", '{"dtmf":"{\\"digits\\":\\"1\\"}"}'),
        ("network=", '{"network":""}'),
    ],
)
def test_the_query_of_a_get_is_hashed_as_json(query: str, hashed: str) -> None:
    request = get(query)
    check(with_token(request, token({"payload_hash": hashlib.sha256(hashed.encode()).hexdigest()})))


def test_the_payload_of_a_query() -> None:
    assert signature.query_payload("to=1415&u=Zo%C3%AB") == '{"to":"1415","u":"Zoë"}'.encode()


# ------------------------------------------------------------------ not let in


FORGERIES: dict[str, Callable[[], str]] = {
    "alg none": lambda: token(header={"alg": "none"}),
    "alg none, no signature": lambda: token(header={"alg": "none"}).rpartition(".")[0] + ".",
    "alg None": lambda: token(header={"alg": "None"}),
    "alg missing": lambda: token(header={"typ": "JWT"}),
    "HS512, right secret": lambda: token(header={"alg": "HS512"}, digest="sha512"),
    "HS384, right secret": lambda: token(header={"alg": "HS384"}, digest="sha384"),
    "HS256 named, HS512 done": lambda: token(digest="sha512"),
    "RS256, an own key": lambda: jwt.encode(dict(GOOD), RSA_KEY, algorithm="RS256"),
    "RS256 named, hmac done": lambda: token(header={"alg": "RS256"}),
    "hmac with a public key": lambda: token(key=PUBLIC_PEM),
    "key in the header": lambda: token(
        header={"alg": "HS256", "jwk": {"kty": "oct", "k": b64(b"evil")}}, key=b"evil"
    ),
    "wrong secret": lambda: token(key=b"wrong"),
    "empty secret": lambda: token(key=b""),
    "secret cut short": lambda: token(key=SECRET[:-1].encode()),
    "signature of another token": lambda: (
        token().rpartition(".")[0] + "." + token({"jti": "2"}).rpartition(".")[2]
    ),
    "signature cut short": lambda: token()[:-4],
    "claims swapped": lambda: (
        token().split(".")[0] + "." + token({"iat": 1}).split(".")[1] + "." + token().split(".")[2]
    ),
    "no iat": lambda: token({"iat": None}),
    "no jti": lambda: token({"jti": None}),
    "no payload_hash": lambda: token({"payload_hash": None}),
    "no account, no application": lambda: token({"api_key": None, "application_id": None}),
    "no claims": lambda: token(payload=b"{}"),
    "claims are a list": lambda: token(payload=b"[]"),
    "claims are no JSON": lambda: token(payload=b"{"),
    "claims are no text": lambda: token(payload=b"\xff\xfe\xfd"),
    "claims are deep": lambda: token(payload=b"[" * 2500),
    "iat 301 s ago": lambda: token({"iat": STAMP - 301}),
    "iat 301 s ahead": lambda: token({"iat": STAMP + 301}),
    "iat of 1970": lambda: token({"iat": 0}),
    "iat a string": lambda: token({"iat": str(STAMP)}),
    "iat true": lambda: token({"iat": True}),
    "iat not a number": lambda: token({"iat": float("nan")}),
    "iat infinite": lambda: token({"iat": float("inf")}),
    "iat larger than any float": lambda: token({"iat": 10**400}),
    "iat a list": lambda: token({"iat": [STAMP]}),
    "expired": lambda: token({"exp": STAMP - 61}),
    "exp a string": lambda: token({"exp": "never"}),
    "not valid yet": lambda: token({"nbf": STAMP + 61}),
    "empty jti": lambda: token({"jti": ""}),
    "jti a number": lambda: token({"jti": 7}),
    "jti a list": lambda: token({"jti": ["a"]}),
    "another issuer": lambda: token({"iss": "Evil"}),
    "another account": lambda: token({"api_key": "other123"}),
    "another account, our application": lambda: token({"api_key": "zzzz9999"}),
    "api_key a number": lambda: token({"api_key": 1234}),
    "api_key not ASCII": lambda: token({"api_key": "äbcd1234"}),
    "another application": lambda: token(
        {"application_id": "00000000-0000-0000-0000-000000000000"}
    ),
    "application a list": lambda: token({"application_id": [APPLICATION]}),
    "hash of another body": lambda: token({"payload_hash": hashlib.sha256(b"{}").hexdigest()}),
    "hash empty": lambda: token({"payload_hash": ""}),
    "hash a number": lambda: token({"payload_hash": 0}),
    "hash of nothing": lambda: token({"payload_hash": hashlib.sha256(b"").hexdigest()}),
    "hash not ASCII": lambda: token({"payload_hash": "ä" * 64}),
    "8 kB token": lambda: token({"padding": "x" * 6000}),
    "two segments": lambda: token().rpartition(".")[0],
    "four segments": lambda: token() + ".e30",
    "garbage": lambda: "garbage",
    "dots": lambda: "..",
    "not base64": lambda: "!!!.???.***",
    "not ASCII": lambda: "é" + token(),
    "a space inside": lambda: token().replace(".", ". ", 1),
}
"""A name -> the token of an attacker (or of an account that is not this one)."""


@pytest.mark.parametrize("name", FORGERIES)
def test_forgeries(name: str) -> None:
    request = with_token(REQUEST, FORGERIES[name]())
    with pytest.raises(InvalidSignature):
        check(request)


@pytest.mark.parametrize(
    "values",
    [
        ("",),  # empty
        ("Bearer",),
        ("Bearer ",),
        (token(),),  # without the scheme
        (f"Basic {token()}",),
        ("Bearer \ud800.e30.x",),  # no bytes can be made of it
        (f"Bearer  {token()}",),  # two spaces
        (f"Bearer {token()}", f"Bearer {token()}"),  # twice
    ],
)
def test_malformed_headers(values: tuple[str, ...]) -> None:
    with pytest.raises(InvalidSignature):
        check(with_header(*values))


def test_no_header_at_all() -> None:
    with pytest.raises(MissingSignature):
        check(with_header())


@pytest.mark.parametrize(
    "body",
    [
        REQUEST.body + b"x",
        REQUEST.body.replace(b"completed", b"cancelled"),
        REQUEST.body.replace(b'"42"', b'"43"'),
        b"",
        b"[" * 50_000,
        b"\xff",
    ],
)
def test_another_body(body: bytes) -> None:
    request = signed(REQUEST)
    with pytest.raises(InvalidSignature):
        check(replace(request, body=body))


@pytest.mark.parametrize(
    "query",
    [
        "status=answered",  # a value changed
        "status=completed&uuid=1",  # one more
        "",
        "status=completed&status=completed",  # repeated: which one was signed?
        "&".join(f"n{number}=1" for number in range(300)),
    ],
)
def test_another_query(query: str) -> None:
    request = signed(get("status=completed"))
    with pytest.raises(InvalidSignature):
        check(replace(request, url=request.url.replace("status=completed", query)))


def test_a_posts_token_does_not_open_a_get() -> None:
    with pytest.raises(InvalidSignature):
        check(replace(signed(REQUEST), method="GET"))


@pytest.mark.parametrize(
    "secrets",
    [
        {},
        {"signatureSecrets": []},
        {"signatureSecrets": [""]},  # would let in what was signed with nothing
        {"apiSecret": SECRET},  # not the secret that signs
    ],
)
def test_without_a_secret_nothing_is_let_in(secrets: dict[str, Any]) -> None:
    for request in (signed(REQUEST), with_token(REQUEST, token(key=b""))):
        with pytest.raises(NoSecret, match="VONAGE_SIGNATURE_SECRET"):
            check(request, Account(API_KEY, secrets))


def test_a_key_given_as_secret_refuses_instead_of_failing() -> None:
    account = Account(API_KEY, {"signatureSecrets": [PUBLIC_PEM.decode()]})
    with pytest.raises(InvalidSignature):
        check(with_token(REQUEST, token(key=PUBLIC_PEM)), account)


def test_no_error_repeats_the_token_or_the_secret() -> None:
    forged = token(key=b"wrong")
    with pytest.raises(InvalidSignature) as caught:
        check(with_token(REQUEST, forged))
    assert forged not in str(caught.value)
    assert SECRET not in str(caught.value)


@given(st.text(max_size=300))
def test_any_header_is_refused_and_breaks_nothing(value: str) -> None:
    with pytest.raises(Refused):
        check(with_header(value))


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_any_claims_are_refused_and_break_nothing(head: bytes, payload: bytes) -> None:
    text = f"{b64(head)}.{b64(payload)}"
    forged = f"{text}.{b64(hmac.digest(SECRET.encode(), text.encode(), 'sha256'))}"
    with pytest.raises(Refused):
        check(with_token(REQUEST, forged))


HEADERS: list[bytes] = [
    *(
        json.dumps({"alg": alg}).encode()
        for alg in ("HS256", "HS512", "none", "hs256", "", 7, None)
    ),
    *(
        json.dumps({"alg": "HS256", **more}).encode()
        for more in (
            {"typ": "JWT", "kid": "a"},
            {"kid": 7},
            {"kid": None},
            {"crit": []},
            {"crit": ["b64"]},
            {"crit": ["b64"], "b64": True},
            {"crit": ["b64"], "b64": False},
            {"crit": ["exp"], "exp": 1},
            {"crit": "b64"},
            {"b64": False},
            {"b64": True},
            {"b64": 0},
        )
    ),
    b'{"alg": "HS512", "alg": "HS256"}',
    *(b"", b"{", b"[]", b'"HS256"', b"null", b"\xff", b"[" * 3000),
    '{"alg": "HS256"}'.encode("utf-16"),
    b'\xef\xbb\xbf{"alg": "HS256"}',
]
SPELLINGS: list[Callable[[str], str]] = [
    lambda part: part,
    lambda part: part + "=" * (-len(part) % 4),  # its padding
    lambda part: part + "=",
    lambda part: part + "==",
    lambda part: part + "====",
    lambda part: part + "A",
    lambda part: part[:-1] + chr(ord(part[-1:] or "A") + 1),  # with bits that base64 ignores
    lambda part: part.replace("-", "+").replace("_", "/"),
    lambda part: f" {part}",
    lambda part: f"{part}\n",
    lambda part: part[:2] + "!" + part[2:],
    lambda part: part[:2] + "=" + part[2:],
    lambda part: part[:2] + "." + part[2:],
    lambda part: "",
]
KEYS = [
    SECRET,
    "short",
    PUBLIC_PEM.decode(),
    "ssh-rsa AAAA",
    '{"kty": "oct", "k": "YQ"}',
    "{}",
    " ",
]


def let_in_by_pyjwt(made: str, key: str) -> bool:
    """Whether PyJWT finds that ``key`` signed a token whose claims are an object."""
    try:
        payload = bearer.JWS.decode(made, key, algorithms=["HS256"])
        return isinstance(json.loads(payload), dict)
    except (jwt.PyJWTError, ValueError, RecursionError):
        return False


def let_in(made: str, key: str) -> bool:
    try:
        return bearer.holds(bearer.take_apart(made), key)
    except InvalidSignature:
        return False


@examples(400)
@given(
    header=st.sampled_from(HEADERS) | st.binary(max_size=20),
    payload=st.sampled_from([b'{"jti": "\xc3\xa9>?"}', b"{}", b"[]", b"", b"\xff"]) | st.binary(),
    spellings=st.tuples(*(3 * [st.just(SPELLINGS[0]) | st.sampled_from(SPELLINGS)])),
    key=st.just(SECRET) | st.sampled_from(KEYS),
    good=st.booleans() | st.just(True),
)
def test_a_token_is_let_in_as_pyjwt_lets_it_in(
    header: bytes,
    payload: bytes,
    spellings: tuple[Callable[[str], str], ...],
    key: str,
    good: bool,
) -> None:
    head, claims, last = spellings
    text = f"{head(b64(header))}.{claims(b64(payload))}"
    mac = hmac.digest(key.encode() if good else b"x", text.encode(), "sha256")
    made = f"{text}.{last(b64(mac))}"
    if b"crit" in header:  # PyJWT knows one extension, and we know none
        assert not let_in(made, key)
    else:
        assert let_in(made, key) == let_in_by_pyjwt(made, key)


@pytest.mark.parametrize("part", range(3))
@pytest.mark.parametrize("spell", SPELLINGS)
def test_one_spelling_of_a_part_is_let_in_as_pyjwt_lets_it_in(
    spell: Callable[[str], str], part: int
) -> None:
    segments = [b64(b'{"alg": "HS256"}'), b64(b'{"a": 1}')]
    if part < 2:
        segments[part] = spell(segments[part])
    text = ".".join(segments)
    mac = b64(hmac.digest(SECRET.encode(), text.encode(), "sha256"))
    made = f"{text}.{spell(mac) if part == 2 else mac}"
    assert let_in(made, SECRET) == let_in_by_pyjwt(made, SECRET)


@pytest.mark.parametrize("key", KEYS[2:5])
def test_a_key_that_others_may_know_lets_nothing_in(key: str) -> None:
    assert not let_in(token(key=key.encode()), key)


def test_the_token_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read, headers = bearer.read, list[str]()
    monkeypatch.setattr(bearer, "read", lambda header: headers.append(header) or read(header))
    request = signed(REQUEST)
    signature.claimed_account(request)
    check(request)
    assert len(headers) == 1
    with pytest.raises(InvalidSignature):
        check(with_token(request, token(key=b"wrong")))
    assert len(headers) == 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.sampled_from([name for name in GOOD if name != "iss"]), JSON)
def test_any_value_of_a_claim_is_refused_and_breaks_nothing(name: str, value: Any) -> None:
    payload = json.dumps({**GOOD, name: value}).encode()
    try:
        check(with_token(REQUEST, token(payload=payload)))
    except Refused:
        return
    # What gets in: another jti, or the very value.
    assert name == "jti" or value == GOOD[name]


# ------------------------------------------------------------------ replay


def test_the_same_request_again_is_let_in() -> None:
    """Its event is the same one; the store refuses another event with its token."""
    request = signed(REQUEST)
    digests = set()
    for _ in range(3):
        signature.verify(request, ACCOUNT)
        digests.add(signature.token_digest(request))
    assert len(digests) == 1
    assert signature.token_digest(replace(REQUEST)) is None


def test_every_token_has_a_digest_of_its_own() -> None:
    requests = [
        signed(REQUEST, jti="one"),
        signed(REQUEST, jti="two"),
        signed(recorded("answer"), api_key="other123", jti="one", application_id=None),
        signed(REQUEST, jti="one", application_id=None),
        signed(REQUEST, api_key="other123", jti="one"),
    ]
    other = Account("other123", {"signatureSecrets": [SECRET]})
    accounts = [ACCOUNT, ACCOUNT, other, ACCOUNT, other]
    for request, account in zip(requests, accounts, strict=True):
        signature.verify(request, account)
    assert len({signature.token_digest(request) for request in requests}) == len(requests)


def test_a_replay_after_five_minutes_is_too_old() -> None:
    late = replace(signed(REQUEST), received_at=NOW + timedelta(seconds=301))
    with pytest.raises(InvalidSignature, match="too old"):
        check(late)


# ------------------------------------------------------------------ whose is it


def test_the_account_a_request_names() -> None:
    assert signature.claimed_account(signed(REQUEST)) == API_KEY


def test_the_account_is_read_before_anything_is_verified() -> None:
    forged = token({"api_key": "other123"}, key=b"wrong")
    assert signature.claimed_account(with_token(REQUEST, forged)) == "other123"


def test_a_token_that_names_its_application_only() -> None:
    assert signature.claimed_account(with_token(REQUEST, token({"api_key": None}))) is None


def test_an_api_key_of_another_type() -> None:
    assert signature.claimed_account(with_token(REQUEST, token({"api_key": 7}))) is None


def test_nothing_to_verify() -> None:
    with pytest.raises(MissingSignature):
        signature.claimed_account(REQUEST)


@pytest.mark.parametrize("value", ["", "Bearer x", "Basic abc", "Bearer " + "x" * 9000])
def test_unreadable_tokens_name_nobody(value: str) -> None:
    with pytest.raises(InvalidSignature):
        signature.claimed_account(with_header(value))


# ------------------------------------------------------------------ the media socket

SOCKET = "wss://patchbay.example/media/vonage/str_0123456789"


def socket(header: str | None, account: Account = ACCOUNT, now: datetime = NOW) -> None:
    headers = [("upgrade", "websocket")]
    if header is not None:
        headers.append(("authorization", header))
    signature.verify_socket(SOCKET, headers, account, now)


def test_the_handshake_carries_a_token_without_a_payload() -> None:
    made = signature.sign(SECRET, api_key=API_KEY, payload=None, now=NOW)
    assert "payload_hash" not in jwt.decode(made, options={"verify_signature": False})
    socket(f"Bearer {made}")


def test_a_payload_hash_on_the_handshake_is_not_looked_at() -> None:
    socket(f"Bearer {token()}")


def test_the_clock_is_ours_when_none_is_given() -> None:
    made = signature.sign(SECRET, api_key=API_KEY, payload=None, now=datetime.now(UTC))
    signature.verify_socket(SOCKET, [("authorization", f"Bearer {made}")], ACCOUNT)


@pytest.mark.parametrize(
    "name",
    [
        "alg none",
        "HS512, right secret",
        "RS256, an own key",
        "wrong secret",
        "no iat",
        "no jti",
        "no account, no application",
        "iat 301 s ago",
        "iat 301 s ahead",
        "another issuer",
        "another account",
        "another application",
        "8 kB token",
        "garbage",
    ],
)
def test_forged_handshakes(name: str) -> None:
    with pytest.raises(InvalidSignature):
        socket(f"Bearer {FORGERIES[name]()}")


def test_a_handshake_without_a_token() -> None:
    with pytest.raises(MissingSignature):
        socket(None)


def test_a_handshake_for_an_account_without_a_secret() -> None:
    with pytest.raises(NoSecret):
        socket(f"Bearer {token()}", Account(API_KEY, {}))


# ------------------------------------------------------------------ every byte counts


@given(
    at=st.integers(0, 10_000),
    other=st.characters(min_codepoint=0x21, max_codepoint=0x7E),
    name=st.sampled_from(["answer", "inbound_completed_by_user", "media_failed", "answer_get"]),
)
def test_no_character_of_the_token_can_be_changed(at: int, other: str, name: str) -> None:
    """But for bits that base64 does not use, of which the same signature is read."""
    request = signed(recorded(name), jti="j")
    held = request.header("authorization") or ""
    at = len("Bearer ") + at % (len(held) - len("Bearer "))
    changed = held[:at] + other + held[at + 1 :]
    if changed == held:
        return
    try:
        check(replace(request, headers=[("authorization", changed)]))
    except Refused:
        return
    assert at == len(held) - 1
    parts = [text.rpartition(".")[2] + "=" for text in (changed, held)]
    assert len({base64.urlsafe_b64decode(part) for part in parts}) == 1


@given(at=st.integers(0, 10_000), other=st.binary(min_size=1, max_size=1))
def test_no_byte_of_the_body_can_be_changed(at: int, other: bytes) -> None:
    """Not even a space for none: the raw body is hashed, and its compact form."""
    request = signed(REQUEST)
    at %= len(request.body)
    body = request.body[:at] + other + request.body[at + 1 :]
    if body == request.body:
        return
    with pytest.raises(InvalidSignature):
        check(replace(request, body=body))


@given(
    at=st.integers(0, 10_000),
    other=st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="#"),
)
def test_no_character_of_a_query_can_be_changed(at: int, other: str) -> None:
    request = signed(recorded("answer_get"))
    start = request.url.index("?") + 1
    at = start + at % (len(request.url) - start)
    changed = replace(request, url=request.url[:at] + other + request.url[at + 1 :])
    try:
        check(changed)
    except Refused:
        return
    # Only another spelling of the same parameters: %2b for %2B, the character itself.
    assert signature.query_payload(changed.query) == signature.query_payload(request.query)


@given(cut=st.integers(1, 42))
def test_no_part_of_the_signature_is_enough(cut: int) -> None:
    head, _, held = (signed(REQUEST).header("authorization") or "").rpartition(".")
    for part in (held[:cut], held[cut:], ""):
        with pytest.raises(InvalidSignature):
            check(with_header(f"{head}.{part}"))


@pytest.mark.parametrize(
    ("claim", "first", "last"),
    [
        ("iat", STAMP - 300, STAMP + 300),  # five minutes either way
        ("exp", STAMP - 60, STAMP + 10**6),  # a minute of clock difference
        ("nbf", 0, STAMP + 60),
    ],
)
def test_the_edges_of_time(claim: str, first: int, last: int) -> None:
    for good in (first, last):
        check(with_token(REQUEST, token({claim: good})))
    outside = {"iat": (first - 1, last + 1), "exp": (first - 1,), "nbf": (last + 1,)}
    for bad in outside[claim]:
        with pytest.raises(InvalidSignature):
            check(with_token(REQUEST, token({claim: bad})))


def test_the_longest_token() -> None:
    """Vonage's own have about 500 characters; the limit is on the token, not on the header."""
    padding = 0
    while len(token({"padding": "x" * (padding + 3)})) <= bearer.MAX_TOKEN:
        padding += 3
    check(with_token(REQUEST, token({"padding": "x" * padding})))
    with pytest.raises(InvalidSignature, match="not one bearer token"):
        check(with_token(REQUEST, token({"padding": "x" * (padding + 3)})))


@pytest.mark.parametrize("query", ["?sig=abc&api_key=abcd1234", "?timestamp=1&sig=" + "0" * 64])
def test_the_older_signature_of_messages_is_none_here(query: str) -> None:
    """``?sig=`` is for SMS; no voice webhook ever carried it."""
    with pytest.raises(MissingSignature):
        check(replace(get(""), url=f"{get('').url}{query}"))


# ------------------------------------------------------------------ the doctor's probe


def test_a_probe_is_an_event_that_we_let_in() -> None:
    """As Vonage would send it, about a leg that there is not."""
    made = signature.probe(REQUEST.url, ACCOUNT, NOW)
    headers = [(name.lower(), value) for name, value in made.headers.items()]
    request = WebhookRequest("POST", REQUEST.url, headers, made.body, NOW + timedelta(seconds=7))
    check(request)
    assert signature.claimed_account(request) == API_KEY
    report = webhooks.parse(HookKind.STATUS, request)
    assert [event.kind for event in report.events] == [EventKind.LEG_RINGING]
    assert report.events[0].at == NOW
    assert report.unknown == ()
    assert report.leg is not None
    assert report.leg.inbound
    uuid = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    assert re.fullmatch(uuid, report.leg.leg_ref)
    assert re.fullmatch(f"CON-{uuid}", report.leg.call_ref)
    assert made.headers["Content-Type"] == "application/json"


def test_no_two_probes_are_about_the_same_leg() -> None:
    bodies = {signature.probe(REQUEST.url, ACCOUNT, NOW).body for _ in range(3)}
    assert len(bodies) == 3


def test_a_probe_is_signed_with_the_newest_secret() -> None:
    newest = "n" * 32
    account = replace(ACCOUNT, secrets={"signatureSecrets": [newest, OLD_SECRET]})
    made = signature.probe(REQUEST.url, account, NOW)
    held = made.headers["Authorization"].removeprefix("Bearer ")
    assert jwt.decode(held, newest, algorithms=["HS256"], options={"verify_iat": False})


@pytest.mark.parametrize("secrets", [{}, {"signatureSecrets": []}, {"apiSecret": SECRET}], ids=str)
def test_a_probe_needs_a_signature_secret(secrets: dict[str, Any]) -> None:
    with pytest.raises(NotConfigured, match="signatureSecret"):
        signature.probe(REQUEST.url, Account(API_KEY, secrets), NOW)


@pytest.mark.parametrize(("count", "good"), [(200, True), (201, False)])
def test_how_many_parameters_a_query_may_have(count: int, good: bool) -> None:
    query = "&".join(f"n{number}=1" for number in range(count))
    payload = json.dumps({f"n{number}": "1" for number in range(count)}, separators=(",", ":"))
    claims = {"payload_hash": hashlib.sha256(payload.encode()).hexdigest()}
    request = with_token(get(query), token(claims))
    if good:
        check(request)
        return
    with pytest.raises(InvalidSignature, match="too many"):
        check(request)


def test_half_a_character_in_a_body_is_hashed_as_it_stands() -> None:
    """JSON may name a lone surrogate, which no text of bytes holds."""
    request = post(b'{"name": "\\ud800"}')
    check(signed(request))
    with pytest.raises(InvalidSignature):
        check(replace(signed(request), body=b'{"name": "\\ud801"}'))
