"""Why an assistant cannot be built, and where one may lead. Its accounts: ``app.domain.resources.vendor_accounts``.

Nothing of pipecat is imported here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.net.types import Addresses

MODEL, VOICE, TRANSCRIBER = "model", "voice", "transcriber"
"""The stages of an assistant, as Vapi's fields call them."""
NO_KEY = "none"
"""For a server that asks for none: the SDKs want one, or take OpenAI's from the environment."""


class UnbuildableAssistant(Exception):
    """This assistant cannot be built; the text tells the operator what to change.

    ``stage``: ``MODEL``, ``VOICE`` or ``TRANSCRIBER``.
    """

    def __init__(self, stage: str, provider: str, text: str) -> None:
        super().__init__(text)
        self.stage = stage
        self.provider = provider


def deny_all(url: str) -> Sequence[str]:
    """The rule where there is none: no server may be asked."""
    raise PermissionError("this process asks no servers")


def as_websocket(url: str) -> str:
    """``https`` -> ``wss``, ``http`` -> ``ws``."""
    return re.sub("^http", "ws", url)


def as_http(url: str) -> str:
    """``wss`` -> ``https``, ``ws`` -> ``http``."""
    return re.sub("^ws", "http", url)


def check_address(stage: str, provider: str, url: str, addresses: Addresses) -> None:
    """For services that connect by themselves. Blocks. Raises ``UnbuildableAssistant``.

    The address was looked at when it was stored, but a name may lead anywhere by now.
    """
    try:
        addresses(as_http(url))
    except Exception as error:
        text = f"the address of the {stage} {provider} may not be called: {error}"
        raise UnbuildableAssistant(stage, provider, text) from error
