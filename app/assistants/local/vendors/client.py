"""The HTTP client of one call's model: it gives up soon, tries once more, and goes nowhere else.

The vendors' SDKs wait as long as ``Retry-After`` says, up to a minute, and follow redirects. A
caller hears silence meanwhile, and of an address that a client named only the first was vetted.
"""

from __future__ import annotations

import asyncio
import ssl
from functools import cache
from typing import Any

import httpx2

CONNECT_SECONDS = 2.0
READ_SECONDS = 20.0
"""Between two pieces of an answer; Vapi's default for custom-llm. The engine's deadline is shorter."""
PAUSE_SECONDS = 0.3
AGAIN = frozenset({408, 429, 500, 502, 503, 504, 529})
"""Statuses that may be gone at once; 529 is Anthropic's "overloaded"."""


class Client(httpx2.AsyncClient):
    """As the SDKs' ``http_client``; give them ``max_retries=0``."""

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Once, and once more when the first attempt failed early. Raises httpx's errors."""
        try:
            response = await super().send(request, **options)
        except httpx2.TimeoutException:
            raise  # the caller has waited long enough
        except httpx2.TransportError:
            response = None
        if response is not None and response.status_code not in AGAIN:
            return response
        if response is not None:
            await response.aclose()
        await asyncio.sleep(PAUSE_SECONDS)
        return await super().send(request, **options)


def make_client(read_seconds: float = READ_SECONDS) -> Client:
    """A client of its own for each call: what one call sends never waits for another's."""
    timeout = httpx2.Timeout(read_seconds, connect=CONNECT_SECONDS)
    return Client(timeout=timeout, verify=_tls(), follow_redirects=False)


@cache
def _tls() -> ssl.SSLContext:
    """Reading the certificates takes tens of milliseconds in which no call is heard."""
    return httpx2.create_ssl_context()
