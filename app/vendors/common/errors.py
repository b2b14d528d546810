"""Errors of an assistant that cannot be built, and the check of its addresses.

This file does not import pipecat. Accounts: ``app.domain.resources.vendor_accounts``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.net.types import Addresses

# The stages of an assistant, as Vapi's fields call them.
MODEL, VOICE, TRANSCRIBER = "model", "voice", "transcriber"
# The key for a server without one: the SDKs want a key, or take OpenAI's from the environment.
NO_KEY = "none"
# Characters kept of a vendor's error text.
MAX_ERROR_TEXT = 300


class UnbuildableAssistant(Exception):
    """This assistant cannot be built. The text tells the operator what to change.

    ``stage``: ``MODEL``, ``VOICE`` or ``TRANSCRIBER``.
    """

    def __init__(self, stage: str, provider: str, text: str) -> None:
        super().__init__(text)
        self.stage = stage
        self.provider = provider


def deny_all(url: str) -> Sequence[str]:
    """The rule where there is none: refuse every server."""
    raise PermissionError("this process asks no servers")


def as_websocket(url: str) -> str:
    """``https`` -> ``wss``, ``http`` -> ``ws``."""
    return re.sub("^http", "ws", url)


def as_http(url: str) -> str:
    """``wss`` -> ``https``, ``ws`` -> ``http``."""
    return re.sub("^ws", "http", url)


def check_address(stage: str, provider: str, url: str, addresses: Addresses) -> None:
    """Check an address for services that connect by themselves. Blocks.

    The address was checked when it was stored, but its name may resolve elsewhere by now. Raises
    ``UnbuildableAssistant``.
    """
    try:
        addresses(as_http(url))
    except Exception as error:
        text = f"the address of the {stage} {provider} may not be called: {error}"
        raise UnbuildableAssistant(stage, provider, text) from error
