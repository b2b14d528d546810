"""Where we reach into Deepgram's SDK, each place with its reason. Imports it: load it lazily.

Written for deepgram-sdk 7.17, the locked version. Each has a test that fails once it is needless,
in ``tests/vendors/deepgram/test_sdk_workarounds.py``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import TypeAlias

import httpx
from deepgram import AsyncDeepgramClient
from deepgram.core.api_error import ApiError
from deepgram.listen.v1 import client as sdk
from pipecat.services.deepgram import stt
from pipecat.services.deepgram.stt import DeepgramSTTService
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus

# A URL and headers in, the open socket out.
Open: TypeAlias = Callable[[str, Mapping[str, str]], Awaitable[ClientConnection]]

_open: ContextVar[Open] = ContextVar("_open")


class _Refused(httpx.AsyncBaseTransport):
    """Sends nothing."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise httpx.UnsupportedProtocol("Deepgram is asked by websocket only", request=request)


def without_http() -> None:
    """Let pipecat's services make SDK clients that send no HTTP requests.

    A transcriber has no use for them. The SDK's own HTTP client reads the certificates anew in each
    call. That took 63 ms of the loop on one machine, and 2 MB. No issue of the SDK's was found.
    """
    vars(stt)["AsyncDeepgramClient"] = _client


def _client(**options: object) -> AsyncDeepgramClient:
    return AsyncDeepgramClient(httpx_client=httpx.AsyncClient(transport=_Refused()), **options)


@contextmanager
def connects_by(open_: Open) -> Iterator[None]:
    """Let the SDK's streams of this task be opened by ``open_``.

    The SDK opens them with ``connect`` of websockets and has no option for another. That looks the
    name up again, follows redirects to any address, and offers compression. A slice of sound of
    20 ms grows by 1.5 percent when it is compressed, and costs 20 microseconds. No issue of the
    SDK's was found. https://github.com/deepgram/deepgram-python-sdk
    """
    vars(sdk)["websockets_client_connect"] = _connect
    before = _open.set(open_)
    try:
        yield
    finally:
        _open.reset(before)


@asynccontextmanager
async def _connect(
    url: str, *, extra_headers: Mapping[str, str]
) -> AsyncIterator[ClientConnection]:
    """In the place of the SDK's ``connect``. A refusal is raised as the SDK raises it."""
    try:
        socket = await _open.get()(url, extra_headers)
    except InvalidStatus as error:
        status = error.response.status_code
        raise ApiError(status_code=status, body="the connection was refused") from error
    async with socket:
        yield socket


def address_of(service: DeepgramSTTService) -> str:
    """The websocket address of the service's SDK client.

    When the SDK does not use our address, pipecat only logs a line and connects to Deepgram's
    cloud. An operator with a server of their own wants no audio sent there, so ``stt.make``
    compares. No issue of pipecat's was found; its code:
    https://github.com/pipecat-ai/pipecat/blob/v1.14.0/src/pipecat/services/deepgram/stt.py
    """
    address: str = service._client._client_wrapper.get_environment().production
    return address
