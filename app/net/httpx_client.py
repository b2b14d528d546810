"""The asynchronous HTTP client for models and voices: short timeouts, no redirects.

The vendors' SDKs wait as long as ``Retry-After`` says, up to a minute, and follow redirects. The
caller would hear silence meanwhile, and only the first URL of a client was vetted.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Any
from uuid import uuid4

import httpx2

from app.net.addresses import BadURL, vetted
from app.net.authentication import AuthenticationFailed, Outgoing, Signer
from app.net.threads import run_in_thread
from app.net.trust import trust
from app.net.types import Addresses

CONNECT_SECONDS = 2.0
# Between two pieces of a response; Vapi's default for custom-llm. The observer's deadline is
# shorter.
READ_SECONDS = 20.0
# How long an idle connection is kept; httpx's default.
KEEP_SECONDS = 5.0
# Connections of one call's client at a time.
MAX_CONNECTIONS = 20
PAUSE_SECONDS = 0.3
# Statuses that may be gone at once; 529 is one vendor's "overloaded".
AGAIN = frozenset({408, 429, 500, 502, 503, 504, 529})
UNAUTHORIZED = 401
ANSWER_SECONDS = 600.0
CLOSED_PORT = "http://127.0.0.1:1"
# Bytes of one response: far beyond any sentence or audio, and a bound for the memory.
ANSWER_BYTES = 64 * 1024 * 1024


class NotAllowed(httpx2.ConnectError):
    """The policy refuses this URL; the message says why."""


class Client(httpx2.AsyncClient):
    """The SDKs' ``http_client``; give them ``max_retries=0``."""

    # The address policy; None for the operator's own address, which may be anywhere.
    addresses: Addresses | None = None
    # Send once more when the first attempt failed early.
    retries = True
    # Proves to a client's server who asks, with headers for each request.
    signer: Signer | None = None

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Send a request. Raises httpx's errors."""
        places = await self._places(request)
        try:
            response = await self._send_signed(places, request, options)
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

    async def _send_signed(
        self, places: Sequence[httpx2.URL], request: httpx2.Request, options: dict[str, Any]
    ) -> httpx2.Response:
        """Send with the signer's headers, and once more with a new token after 401."""
        if self.signer is None:
            return await self._send_to(places, request, options)
        url = str(request.url)  # before it names an address
        await self._sign(self.signer, request, url, rejected=False)
        response = await self._send_to(places, request, options)
        if response.status_code == UNAUTHORIZED and self.signer.waits:
            await response.aclose()
            await self._sign(self.signer, request, url, rejected=True)
            response = await self._send_to(places, request, options)
        return response

    async def _sign(
        self, signer: Signer, request: httpx2.Request, url: str, *, rejected: bool
    ) -> None:
        told = Outgoing(url, request.content, str(uuid4()), int(time.time()), request.method)
        try:
            proof = (
                await run_in_thread(lambda: signer.headers(told, rejected=rejected))
                if signer.waits
                else signer.headers(told)
            )
        except AuthenticationFailed as error:
            raise NotAllowed(str(error), request=request) from error
        request.headers.update(proof)

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
        """Send to the first address that accepts the connection."""
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
    signer: Signer | None = None,
    tls: ssl.SSLContext | None = None,
) -> Client:
    """Make a client for one call, so that no call waits for another's requests.

    ``addresses``: the policy for a server that a client chose, which also ignores the environment's
    proxies. ``keep_seconds`` 0: each request has a connection of its own.
    """
    kept = httpx2.Limits(
        max_connections=MAX_CONNECTIONS,
        max_keepalive_connections=MAX_CONNECTIONS if keep_seconds else 0,
        keepalive_expiry=keep_seconds,
    )
    made = Client(
        timeout=httpx2.Timeout(read_seconds, connect=connect_seconds),
        verify=tls or trust(),
        limits=kept,
        follow_redirects=False,
        trust_env=proxies and addresses is None,
        event_hooks={"response": [_bound]},
    )
    made.addresses, made.retries, made.signer = addresses, retries, signer
    return made


async def preload() -> None:
    """Import ahead what the first request imports: it goes to a port of this machine that no
    server has.
    """
    async with make_client(retries=False, proxies=False) as client:
        with suppress(httpx2.HTTPError):
            await client.get(CLOSED_PORT)


async def _bound(response: httpx2.Response) -> None:
    if isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = _Bounded(response.stream)


class _Bounded(httpx2.AsyncByteStream):
    """The bytes of a response, up to ``ANSWER_BYTES`` and ``ANSWER_SECONDS``."""

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
