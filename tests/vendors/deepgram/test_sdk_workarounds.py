"""Workarounds around Deepgram's SDK: that they are still needed.

That they work is tested by ``test_pinned.py``, by ``test_preload.py``, by
``test_sound_is_not_compressed`` in ``test_transcriber_requests.py``, and by
``test_deepgrams_own_cloud_never_stands_in_for_an_address_of_ours`` in
``test_choosing_a_transcriber.py``.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping

import deepgram
import httpx
import pytest
from deepgram.listen.v1 import client as sdk
from pipecat.services.deepgram import stt
from pipecat.services.deepgram.stt import DeepgramSTTService
from websockets.asyncio.client import ClientConnection

from app.vendors.deepgram.sdk_workarounds import address_of, connects_by, without_http
from tests.clock import on_loop


class Connected(Exception):
    """The SDK has called ``connect``."""


async def spy(url: str, headers: Mapping[str, str]) -> ClientConnection:
    raise Connected(url, headers)


def test_connects_by_is_still_needed() -> None:
    """Once the SDK takes a client for its sockets: delete ``connects_by``."""
    opens = inspect.getsource(sdk.AsyncV1Client.connect)
    assert "async with websockets_client_connect(ws_url, extra_headers=headers) as" in opens
    given = inspect.signature(sdk.AsyncV1Client.connect).parameters
    assert not [name for name in given if "client" in name or "socket" in name]


@on_loop
async def test_connects_by_is_of_one_task() -> None:
    client = deepgram.AsyncDeepgramClient(api_key="k")
    with connects_by(spy), pytest.raises(Connected, match=r"api\.deepgram\.com"):
        async with client.listen.v1.connect(model="nova-2"):
            pass
    with pytest.raises(LookupError):  # without a rule no connection
        async with client.listen.v1.connect(model="nova-2"):
            pass


def test_without_http_is_still_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the SDK makes its HTTP client at the first request: delete ``without_http``."""
    made = list[object]()
    monkeypatch.setattr(stt, "AsyncDeepgramClient", deepgram.AsyncDeepgramClient)
    monkeypatch.setattr(httpx.AsyncClient, "__init__", lambda *given, **_: made.append(given))
    DeepgramSTTService(api_key="k", base_url="http://127.0.0.1:1")
    assert len(made) == 1


@on_loop
async def test_without_http_no_request_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stt, "AsyncDeepgramClient", deepgram.AsyncDeepgramClient)
    without_http()
    service = DeepgramSTTService(api_key="k", base_url="http://127.0.0.1:1")
    with pytest.raises(httpx.UnsupportedProtocol, match="websocket only"):
        await service._client.manage.v1.projects.list()


def test_address_of_is_still_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once pipecat raises instead of taking Deepgram's cloud: delete ``address_of``."""
    environment = deepgram.DeepgramClientEnvironment
    cloud = environment.PRODUCTION.production

    def refuse(**_: object) -> None:
        raise TypeError("an argument more")

    monkeypatch.setattr(deepgram, "DeepgramClientEnvironment", refuse)
    service = DeepgramSTTService(api_key="k", base_url="http://127.0.0.1:1")
    assert address_of(service) == cloud
