"""The kit's own signatures, against the carriers' published examples and their SDKs."""

from __future__ import annotations

import hashlib
import json

import jwt
from twilio.request_validator import RequestValidator

from patchbay_conformance.carriers.twilio import Twilio, signature
from patchbay_conformance.carriers.vonage import Vonage

URL = "https://example.com/myapp.php?foo=1&bar=2"
FIELDS = {
    "CallSid": "CA1234567890ABCDE",
    "Caller": "+14158675310",
    "Digits": "1234",
    "From": "+14158675310",
    "To": "+18005551212",
}
SECRET = "a secret of enough bytes for HS256, 0123456789"


def test_the_example_of_twilios_page() -> None:
    """https://www.twilio.com/docs/usage/security#validating-requests"""
    assert signature("12345", URL, FIELDS) == "L/OH5YylLD5NRKLltdqwSvS0BnU="


def test_twilios_sdk_takes_what_is_signed() -> None:
    carrier = Twilio("AC" + "a" * 32, "12345", "+15550100001", "")
    event = carrier.status(carrier.new_leg(), "ringing")
    signed = carrier.sign("https://example.com/status/é?x=%2B", event)
    given = signed.headers["X-Twilio-Signature"]
    assert RequestValidator("12345").validate(signed.url, event, given)
    assert not RequestValidator("54321").validate(signed.url, event, given)


def test_twilios_fragment_is_not_signed() -> None:
    assert signature("12345", f"{URL}#rc=3", FIELDS) == signature("12345", URL, FIELDS)


def test_pyjwt_takes_what_is_signed_for_vonage() -> None:
    carrier = Vonage("abcd1234", SECRET, "", "+15550100002", "")
    signed = carrier.sign("https://example.com/event", carrier.status(carrier.new_leg(), "ringing"))
    bearer = signed.headers["Authorization"].removeprefix("Bearer ")
    claims = jwt.decode(bearer, SECRET, algorithms=["HS256"], issuer="Vonage")
    assert claims["api_key"] == "abcd1234"
    assert claims["payload_hash"] == hashlib.sha256(signed.body).hexdigest()
    assert json.loads(signed.body)["status"] == "ringing"
