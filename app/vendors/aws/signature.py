"""Signature version 4 of a request to AWS. Pure.

The SDK would open connections of its own. A request is one of those that a voice sends: its query is
empty. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from urllib.parse import quote, urlsplit

ALGORITHM = "AWS4-HMAC-SHA256"
DEFAULT_PORTS = {"http": ":80", "https": ":443"}


@dataclass(frozen=True, slots=True)
class Signer:
    """The keys of an account, for one service in one region."""

    key_id: str
    secret: str = field(repr=False)
    region: str
    service: str

    def signed(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> dict[str, str]:
        """``headers`` with the date and the signature. ``now``: in UTC."""
        stamp = now.strftime("%Y%m%dT%H%M%SZ")
        dated = {**headers, "X-Amz-Date": stamp}
        signed = {name.lower(): value.strip() for name, value in dated.items()}
        signed["host"] = _host(url)
        names = ";".join(sorted(signed))
        lines = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
        path = quote(urlsplit(url).path or "/", safe="/-_.~")
        digest = sha256(body).hexdigest()
        request = "\n".join((method, path, "", lines, names, digest))
        scope = f"{stamp[:8]}/{self.region}/{self.service}/aws4_request"
        text = "\n".join((ALGORITHM, stamp, scope, sha256(request.encode()).hexdigest()))
        signature = hmac.new(self._key(stamp[:8]), text.encode(), sha256).hexdigest()
        credential = f"Credential={self.key_id}/{scope}"
        said = f"{ALGORITHM} {credential}, SignedHeaders={names}, Signature={signature}"
        return {**dated, "Authorization": said}

    def _key(self, day: str) -> bytes:
        key = f"AWS4{self.secret}".encode()
        for part in (day, self.region, self.service, "aws4_request"):
            key = hmac.new(key, part.encode(), sha256).digest()
        return key


def _host(url: str) -> str:
    """As an HTTP client sends it: without the scheme's own port."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2].removesuffix(DEFAULT_PORTS[parts.scheme])
