"""Where we reach into Deepgram's SDK, each place with its reason. Imports it: load it lazily.

Written for deepgram-sdk 7.17, the locked version. Each has a test that fails once it is needless,
in ``tests/vendors/deepgram/test_sdk_workarounds.py``.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from deepgram.listen.v1 import client as sdk
from pipecat.services.deepgram.stt import DeepgramSTTService


def connect_without_compression() -> None:
    """The SDK offers compression to the server and has no option against it.

    A slice of sound of 20 ms grows by 1.5 percent when it is compressed, and costs 20 microseconds.
    No issue of the SDK's was found. https://github.com/deepgram/deepgram-python-sdk
    """
    connect: Any = vars(sdk)["websockets_client_connect"]
    if not isinstance(connect, partial):
        vars(sdk)["websockets_client_connect"] = partial(connect, compression=None)


def address_of(service: DeepgramSTTService) -> str:
    """The websocket address of the service's SDK client.

    When the SDK does not use our address, pipecat only logs a line and connects to Deepgram's
    cloud. An operator with a server of their own wants no audio sent there, so ``stt.make``
    compares. No issue of pipecat's was found; its code:
    https://github.com/pipecat-ai/pipecat/blob/v1.14.0/src/pipecat/services/deepgram/stt.py
    """
    address: str = service._client._client_wrapper.get_environment().production
    return address
