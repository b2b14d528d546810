"""The accounts and numbers that a bridge of the tests has at the carriers."""

from __future__ import annotations

from functools import cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

ACCOUNT = "AC" + "0123456789abcdef" * 2
AUTH_TOKEN = "canary-twilio-auth-token"
TWILIO_NUMBER = "+15550100001"
API_KEY = "abcd1234"
SIGNATURE_SECRET = "canary-vonage-signature-secret-of-some-length"
APPLICATION = "aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab"
VONAGE_NUMBER = "+15550100002"
CUSTOMER = "+14155550123"
SECRETS = (AUTH_TOKEN, SIGNATURE_SECRET)


@cache
def private_key() -> str:
    """The Vonage application's, made for this run: PEM, PKCS#8."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pkcs8, clear = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, pkcs8, clear).decode()
