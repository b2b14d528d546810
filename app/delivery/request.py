"""A request to the client's server that waits for the answer, signed like every server message."""

from __future__ import annotations

import time

from app.delivery.signed_post import post_signed
from app.domain.context import Reply
from app.net.authentication import Outgoing
from app.net.http import SendError
from app.settings import Settings
from providers.common.json_types import JsonObject

# A longer response counts as none.
MAX_BYTES = 1_000_000


class ServerRequest:
    """The implementation of ``Context.ask_server``."""

    def __init__(self, settings: Settings) -> None:
        self._allow_private = settings.allow_private_server_urls

    def __call__(
        self, url: str, message_id: str, body: bytes, secrets: JsonObject, seconds: float
    ) -> Reply:
        """Send one POST, never repeated. ``secrets``: the server's, as sealed with its call."""
        sent = Outgoing(url, body, message_id, int(time.time()))
        try:
            answer = post_signed(sent, secrets, seconds, self._allow_private, MAX_BYTES + 1)
        except SendError as error:
            return Reply(error=str(error))
        if not 200 <= answer.status < 300:
            told = answer.body[:MAX_BYTES] if answer.status >= 400 else b""
            return Reply(told, f"the server answered {answer.status}")
        if len(answer.body) > MAX_BYTES:
            return Reply(error=f"the server's answer is over {MAX_BYTES} bytes")
        return Reply(answer.body)
