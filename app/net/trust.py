"""The certificates that our connections trust."""

from __future__ import annotations

import ssl
from functools import cache


@cache
def trust() -> ssl.SSLContext:
    """The system's, read once: reading takes tens of milliseconds and 2 MB.

    The loop of the sound must not do that for each connection, as websockets does unless told.
    """
    return ssl.create_default_context()
