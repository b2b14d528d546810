"""The signature of requests to AWS, by AWS's own example and by another implementation."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import urlsplit

import pytest
from minio.credentials import Credentials
from minio.signer import sign_v4_s3

from app.vendors.aws.signature import Signer

NOW = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
EXAMPLE = Signer("AKIDEXAMPLE", SECRET, "us-east-1", "service")


def test_awss_own_example() -> None:
    """``get-vanilla`` of its test suite."""
    assert EXAMPLE.signed("GET", "https://example.amazonaws.com/", {}, b"", NOW) == {
        "X-Amz-Date": "20150830T123600Z",
        "Authorization": (
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
            "SignedHeaders=host;x-amz-date, "
            "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
        ),
    }


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://polly.eu-west-1.amazonaws.com/v1/speech", "polly.eu-west-1.amazonaws.com"),
        ("https://polly.example:443/v1/speech", "polly.example"),
        ("http://127.0.0.1:4566/base/v1/speech", "127.0.0.1:4566"),
    ],
)
def test_as_another_implementation_signs(url: str, host: str) -> None:
    body = b'{"Text": "Hello"}'
    digest = sha256(body).hexdigest()
    headers = {"Content-Type": "application/json", "X-Amz-Content-Sha256": digest}
    ours = Signer("AKID", SECRET, "eu-west-1", "s3").signed("POST", url, headers, body, NOW)
    path = "/" + url.split("/", 3)[3]
    theirs = sign_v4_s3(
        method="POST",
        url=urlsplit(f"https://{host}{path}"),
        region="eu-west-1",
        headers={**headers, "Host": host, "x-amz-date": "20150830T123600Z"},
        credentials=Credentials("AKID", SECRET),
        content_sha256=digest,
        date=NOW,
    )
    assert ours["Authorization"] == re.sub("  +", " ", str(theirs["Authorization"]))


def test_the_secret_is_not_shown() -> None:
    assert SECRET not in repr(EXAMPLE)
