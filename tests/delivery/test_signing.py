"""Our signatures, read by the reference library of Standard Webhooks."""

from __future__ import annotations

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from app.delivery import signing

bodies = st.text(min_size=1).map(str.encode)
raw_keys = st.binary(min_size=1, max_size=64)


def signed(message_id: str, body: bytes, secret: str) -> dict[str, str]:
    """Now: the library refuses what is older than five minutes, and a suite may be."""
    return signing.headers(message_id, int(time.time()), body, secret)


@given(body=bodies, key=raw_keys)
def test_the_library_accepts_a_whsec_secret(body: bytes, key: bytes) -> None:
    secret = "whsec_" + base64.b64encode(key).decode()
    Webhook(secret).verify(body, signed("msg_1", body, secret), json_parse=False)


@given(body=bodies, key=raw_keys)
def test_padding_is_optional(body: bytes, key: bytes) -> None:
    secret = "whsec_" + base64.b64encode(key).decode().rstrip("=")
    Webhook(secret).verify(body, signed("msg_1", body, secret), json_parse=False)


@given(
    body=bodies,
    secret=st.text(st.characters(codec="utf-8"), min_size=1).filter(
        lambda text: not text.startswith("whsec_")
    ),
)
def test_any_other_secret_is_the_key_itself(body: bytes, secret: str) -> None:
    Webhook(secret.encode()).verify(body, signed("msg_1", body, secret), json_parse=False)


@pytest.mark.parametrize(
    ("message_id", "body", "secret"),
    [
        ("other", b"body", "secret"),  # another message
        ("id", b"Body", "secret"),  # a changed body
        ("id", b"body", "Secret"),  # another secret
    ],
)
def test_the_library_refuses_what_was_changed(message_id: str, body: bytes, secret: str) -> None:
    headers = {**signed("id", b"body", secret), "webhook-id": message_id}
    with pytest.raises(WebhookVerificationError):
        Webhook(b"secret").verify(body, headers, json_parse=False)


def test_the_reference_vector() -> None:
    """One the reference implementations share."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    signature = signing.sign(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}', secret
    )
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_without_a_secret_there_is_no_signature() -> None:
    for secret in (None, ""):
        assert signing.headers("id", 7, b"", secret) == {
            "webhook-id": "id",
            "webhook-timestamp": "7",
        }


def test_a_whsec_that_is_no_base64_is_a_key_like_any_other() -> None:
    assert signing.key_of("whsec_not base64!") == b"whsec_not base64!"
