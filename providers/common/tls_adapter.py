"""Requests' adapter for the carriers' servers. Imports Requests: load it lazily."""

from __future__ import annotations

import os
import ssl
from functools import lru_cache
from typing import Any

from requests import PreparedRequest
from requests.adapters import DEFAULT_CA_BUNDLE_PATH, HTTPAdapter


class TlsAdapter(HTTPAdapter):
    """Reads the trusted certificates once. Requests reads them for each connection, in 40 ms.

    They are Requests' own: certifi's, or those that ``REQUESTS_CA_BUNDLE`` names.
    https://requests.readthedocs.io/en/latest/user/advanced/#ssl-cert-verification
    """

    def build_connection_pool_key_attributes(
        self, request: PreparedRequest, verify: Any, cert: Any = None
    ) -> Any:
        host, tls = super().build_connection_pool_key_attributes(request, verify, cert)
        if host["scheme"] == "https" and verify:
            bundle = verify if isinstance(verify, str) else DEFAULT_CA_BUNDLE_PATH
            return host, {"cert_reqs": "CERT_REQUIRED", "ssl_context": _trust(bundle)}
        return host, tls

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Does nothing: the context has the certificates."""


@lru_cache
def _trust(bundle: str) -> ssl.SSLContext:
    """``bundle``: a file, or a folder of hashed names."""
    if os.path.isdir(bundle):
        return ssl.create_default_context(capath=bundle)
    return ssl.create_default_context(cafile=bundle)
