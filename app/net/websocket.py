""""""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import connect

from app.media.backend import AssistantFailed
from app.net.headers import HEADER_NAME, HEADER_VALUE
from app.net.threads import run_in_thread
from app.net.types import Addresses


async def pinned(url: str, addresses: Addresses | None) -> dict[str, Any]:
    """Options of ``Direct`` by which it goes to an address that was checked. Raises as the rule does."""
    if addresses is None:
        return {}
    [place, *_] = await run_in_thread(partial(addresses, re.sub("^ws", "http", url)))
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "wss" else 80)
    return {"host": place, "port": port, "proxy": None}


class Direct(connect):
    """A connection that goes where it was told, or nowhere."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        """Never: only the first address was vetted."""
        return exc


def checked_headers(given: object, where: str) -> dict[str, str]:
    """An assistant's ``headers`` for a handshake; ``where``: its field. Raises ``AssistantFailed``."""
    if not isinstance(given, Mapping):
        raise AssistantFailed(f"The assistant's {where} is not an object.")
    for name, value in given.items():
        if not (
            HEADER_NAME.fullmatch(name) and isinstance(value, str) and HEADER_VALUE.fullmatch(value)
        ):
            raise AssistantFailed(f"The assistant's {where} has a bad {name[:40]!r}.")
    return dict(given)
