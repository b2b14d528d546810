"""Workarounds around Deepgram's SDK: that they are still needed.

That they work is tested by ``test_sound_is_not_compressed`` in ``test_transcriber_requests.py``
and ``test_deepgrams_own_cloud_never_stands_in_for_an_address_of_ours`` in
``test_choosing_a_transcriber.py``.
"""

from __future__ import annotations

import inspect
from typing import Any

import deepgram
import pytest
from deepgram.listen.v1 import client as sdk
from pipecat.services.deepgram.stt import DeepgramSTTService

from app.vendors.deepgram.sdk_workarounds import address_of, connect_without_compression
from tests.media.harness import on_loop


class Connected(Exception):
    """The SDK has called ``connect``."""


@on_loop
async def test_connect_without_compression_is_still_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Once the SDK asks for no compression, or lets us: delete ``connect_without_compression``."""
    connect = vars(sdk)["websockets_client_connect"]
    plain = getattr(connect, "func", connect)  # as it was before the workaround
    given = dict[str, Any]()

    def spy(_url: str, **options: Any) -> None:
        given.update(options)
        raise Connected

    monkeypatch.setitem(vars(sdk), "websockets_client_connect", spy)
    client = deepgram.AsyncDeepgramClient(api_key="k")
    with pytest.raises(Connected):
        async with client.listen.v1.connect(model="nova-2"):
            pass
    assert "compression" not in given
    assert inspect.signature(plain).parameters["compression"].default == "deflate"
    assert not [
        n for n in inspect.signature(client.listen.v1.connect).parameters if "compress" in n
    ]


def test_connect_without_compression_changes_the_sdk_once(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = vars(sdk)["websockets_client_connect"]
    monkeypatch.setitem(vars(sdk), "websockets_client_connect", getattr(connect, "func", connect))
    connect_without_compression()
    connect_without_compression()
    changed = vars(sdk)["websockets_client_connect"]
    assert changed.keywords == {"compression": None}
    assert not hasattr(changed.func, "keywords")


def test_address_of_is_still_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once pipecat raises instead of taking Deepgram's cloud: delete ``address_of``."""
    environment = deepgram.DeepgramClientEnvironment
    cloud = environment.PRODUCTION.production

    def refuse(**_: object) -> None:
        raise TypeError("an argument more")

    monkeypatch.setattr(deepgram, "DeepgramClientEnvironment", refuse)
    service = DeepgramSTTService(api_key="k", base_url="http://127.0.0.1:1")
    assert address_of(service) == cloud
