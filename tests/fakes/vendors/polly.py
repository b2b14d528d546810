"""Polly's ``POST /v1/speech``. https://docs.aws.amazon.com/polly/latest/dg/API_SynthesizeSpeech.html"""

from __future__ import annotations

import re

from tests.fakes.vendors.server import Asked
from tests.fakes.vendors.standin import HttpStandIn

SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=[^/]*/\d{8}/[a-z0-9-]+/polly/aws4_request, "
    r"SignedHeaders=content-type;host;x-amz-date, Signature=[0-9a-f]{64}"
)


class Polly(HttpStandIn):
    """Plain PCM. ``tests/vendors/test_aws_signature.py`` checks the signature itself."""

    def rate(self, asked: Asked) -> int:
        assert asked.path == "/v1/speech"
        assert asked.body["OutputFormat"] == "pcm"
        assert asked.body["SampleRate"] in ("8000", "16000")
        assert SIGNED.fullmatch(asked.headers["Authorization"])
        return int(asked.body["SampleRate"])
