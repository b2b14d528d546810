"""The HTTP client of one call's model: it gives up soon, tries once more, and goes nowhere else.

The vendors' SDKs wait as long as ``Retry-After`` says, up to a minute, and follow redirects. A
caller hears silence meanwhile, and of an address that a client named only the first was vetted.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from functools import cache, partial
from typing import Any

import httpx2

from app.net.threads import run_in_thread
from app.net.types import Addresses

CONNECT_SECONDS = 2.0
READ_SECONDS = 20.0
"""Between two pieces of an answer; Vapi's default for custom-llm. The engine's deadline is shorter."""
PAUSE_SECONDS = 0.3
AGAIN = frozenset({408, 429, 500, 502, 503, 504, 529})
"""Statuses that may be gone at once; 529 is Anthropic's "overloaded"."""


class Client(httpx2.AsyncClient):
    """As the SDKs' ``http_client``; give them ``max_retries=0``."""

    addresses: Addresses | None = None
    """The rule for where it may go; None: to the operator's own address, wherever that is."""

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Once, and once more when the first attempt failed early. Raises httpx's errors."""
        places = await self._places(request)
        _lead(request, places[:1])
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
        _lead(request, places[1:2])
        return await super().send(request, **options)

    async def _places(self, request: httpx2.Request) -> Sequence[str]:
        """The addresses that were checked, to one of which it goes. Empty: whatever the name says."""
        if self.addresses is None:
            return ()
        try:
            return await run_in_thread(partial(self.addresses, str(request.url)))
        except Exception as error:
            raise httpx2.ConnectError(str(error), request=request) from error


def make_client(read_seconds: float = READ_SECONDS, addresses: Addresses | None = None) -> Client:
    """A client of its own for each call: what one call sends never waits for another's.

    ``addresses``: for a server that a client chose; the machine's proxy is not asked for it.
    """
    timeout = httpx2.Timeout(read_seconds, connect=CONNECT_SECONDS)
    made = Client(
        timeout=timeout, verify=_tls(), follow_redirects=False, trust_env=addresses is None
    )
    made.addresses = addresses
    return made


def _lead(request: httpx2.Request, place: Sequence[str]) -> None:
    """To this address, with the URL's name in Host (which is set already), SNI and certificate."""
    for address in place:
        request.extensions = {"sni_hostname": request.url.host, **request.extensions}
        request.url = request.url.copy_with(host=address)


@cache
def _tls() -> ssl.SSLContext:
    """Reading the certificates takes tens of milliseconds in which no call is heard."""
    return httpx2.create_ssl_context()
