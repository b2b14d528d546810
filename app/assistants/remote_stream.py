"""The websocket to another server that a relay opens: for ``stream``, and for ``vapi``."""

from __future__ import annotations

from collections.abc import Mapping

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import WebSocketException

from app.media.backend import AssistantFailed
from app.net.addresses import BadURL
from app.net.types import Addresses
from app.net.websocket import STREAM_PINGS, open_socket

OPEN_SECONDS = 5.0
CLOSE_SECONDS = 2.0
MAX_MESSAGE = 1024 * 1024
"""Bytes of one message of the server: a whole sentence of audio may come at once."""
NORMAL = frozenset({1000, 1005})
"""Close codes of a normal end. 1005 is a close without a code, as a browser's ``close()`` sends it:
https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1"""


async def open_stream(
    url: str, addresses: Addresses | None, headers: Mapping[str, str], name: str
) -> ClientConnection:
    """Connect to the server. ``addresses``: see ``app.net.websocket.connect``.

    Raises ``AssistantFailed``, whose text begins with ``name`` and holds no part of the URL.
    """
    try:
        return await open_socket(
            url,
            addresses,
            headers=headers,
            seconds=OPEN_SECONDS,
            close_seconds=CLOSE_SECONDS,
            max_message=MAX_MESSAGE,
            pings=STREAM_PINGS,
        )
    except BadURL as error:  # its text holds no URL
        raise AssistantFailed(f"{name} could not be opened: {error}.") from error
    except (OSError, ValueError, WebSocketException) as error:
        # The error's own text may hold the URL, which may have a password or a token.
        raise AssistantFailed(f"{name} could not be opened: {type(error).__name__}.") from error
