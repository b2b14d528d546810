"""The asynchronous HTTP client: models and voices. It gives up soon and goes nowhere else.

The vendors' SDKs wait as long as ``Retry-After`` says, up to a minute, and follow redirects. A
caller hears silence meanwhile, and only the first URL that a client chose was vetted.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from functools import cache
from typing import Any

import httpx2

from app.net.addresses import BadURL, vetted
from app.net.types import Addresses

CONNECT_SECONDS = 2.0
READ_SECONDS = 20.0
"""Between two pieces of an answer; Vapi's default for custom-llm. The engine's deadline is shorter."""
KEEP_SECONDS = 5.0
"""How long an idle connection is kept; httpx's default."""
MAX_CONNECTIONS = 20
"""Of one call's client at a time."""
PAUSE_SECONDS = 0.3
AGAIN = frozenset({408, 429, 500, 502, 503, 504, 529})
"""Statuses that may be gone at once; 529 is Anthropic's "overloaded"."""
ANSWER_SECONDS = 600.0
ANSWER_BYTES = 64 * 1024 * 1024
"""Of one answer: far beyond any sentence or sound, but a server cannot fill the memory."""


class NotAllowed(httpx2.ConnectError):
    """The policy does not let this URL be called; the sentence says why."""


class Client(httpx2.AsyncClient):
    """As the SDKs' ``http_client``; give them ``max_retries=0``."""

    addresses: Addresses | None = None
    """The policy of where it may go; None: to the operator's own address, wherever that is."""
    retries = True
    """Send once more when the first attempt failed early."""

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Raises httpx's errors."""
        places = await self._places(request)
        try:
            response = await self._send_to(places, request, options)
        except httpx2.TimeoutException:
            raise  # the caller has waited long enough
        except httpx2.TransportError:
            if not self.retries:
                raise
        else:
            if not self.retries or response.status_code not in AGAIN:
                return response
            await response.aclose()
        await asyncio.sleep(PAUSE_SECONDS)
        return await self._send_to([*places[1:], *places[:1]], request, options)

    async def _places(self, request: httpx2.Request) -> Sequence[httpx2.URL]:
        """The request's URL at each vetted address, or as it is."""
        if self.addresses is None:
            return [request.url]
        try:
            found = await vetted(str(request.url), self.addresses)
        except BadURL as error:
            raise NotAllowed(str(error), request=request) from error
        # The header Host is set already; this is the name for SNI and certificate.
        name = request.url.raw_host.decode().rstrip(".")
        request.extensions = {"sni_hostname": name, **request.extensions}
        return [request.url.copy_with(host=place) for place in found]

    async def _send_to(
        self, places: Sequence[httpx2.URL], request: httpx2.Request, options: dict[str, Any]
    ) -> httpx2.Response:
        """To the first place that takes the connection."""
        for place in places[:-1]:
            request.url = place
            try:
                return await super().send(request, **options)
            except httpx2.ConnectError:
                continue
        request.url = places[-1]
        return await super().send(request, **options)


def make_client(
    read_seconds: float = READ_SECONDS,
    addresses: Addresses | None = None,
    *,
    connect_seconds: float = CONNECT_SECONDS,
    keep_seconds: float = KEEP_SECONDS,
    retries: bool = True,
    proxies: bool = True,
    tls: ssl.SSLContext | None = None,
) -> Client:
    """A client of its own for each call: what one call sends never waits for another's.

    ``addresses``: the policy for a server that a client chose, for which the environment's
    proxies are ignored. ``keep_seconds`` 0: each request has a connection of its own.
    """
    kept = httpx2.Limits(
        max_connections=MAX_CONNECTIONS,
        max_keepalive_connections=MAX_CONNECTIONS if keep_seconds else 0,
        keepalive_expiry=keep_seconds,
    )
    made = Client(
        timeout=httpx2.Timeout(read_seconds, connect=connect_seconds),
        verify=tls or _tls(),
        limits=kept,
        follow_redirects=False,
        trust_env=proxies and addresses is None,
        event_hooks={"response": [_bound]},
    )
    made.addresses, made.retries = addresses, retries
    return made


async def _bound(response: httpx2.Response) -> None:
    if isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = _Bounded(response.stream)


class _Bounded(httpx2.AsyncByteStream):
    """The bytes of an answer, up to ``ANSWER_BYTES`` and ``ANSWER_SECONDS``."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream
        self._until = asyncio.get_running_loop().time() + ANSWER_SECONDS

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for piece in self._stream:
            size += len(piece)
            if size > ANSWER_BYTES:
                raise httpx2.ReadError(f"the answer is larger than {ANSWER_BYTES} bytes")
            if asyncio.get_running_loop().time() > self._until:
                raise httpx2.ReadTimeout(f"the answer takes longer than {ANSWER_SECONDS:g} s")
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


@cache
def _tls() -> ssl.SSLContext:
    """Reading the certificates takes tens of milliseconds in which no call is heard."""
    return httpx2.create_ssl_context()
