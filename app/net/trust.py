"""The certificates that our connections trust."""

from __future__ import annotations

import ssl
from functools import cache


@cache
def trust() -> ssl.SSLContext:
    """The system's, read once: reading takes tens of milliseconds and 2 MB.

    The loop of the sound must not do that for each connection, as websockets does unless told.
    ``SSL_CERT_FILE`` or ``SSL_CERT_DIR`` names others.
    """
    import httpx2  # finds them also where Python's OpenSSL was built for another system

    return httpx2.create_ssl_context()
