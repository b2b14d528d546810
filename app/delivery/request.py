"""A request to the client's server that waits for the answer, signed like every server message."""

from __future__ import annotations

import time
from collections.abc import Callable

from app.delivery.signed_post import post_signed
from app.domain.assistant import backoff
from app.domain.assistant.fields import object_of
from app.domain.context import Reply
from app.net.authentication import Outgoing
from app.net.http import SendError
from app.settings import Settings
from providers.common.json_types import JsonObject

# A longer response counts as none.
MAX_BYTES = 1_000_000


class ServerRequest:
    """The implementation of ``Context.ask_server``."""

    def __init__(
        self,
        settings: Settings,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``clock``: in seconds."""
        self._allow_private = settings.allow_private_server_urls
        self._pause = pause
        self._clock = clock

    def __call__(
        self, url: str, message_id: str, body: bytes, secrets: JsonObject, seconds: float
    ) -> Reply:
        """Send a POST, and again as ``backoffPlan`` says while there is time. Blocks.

        ``secrets``: the server's, as sealed with its call, and its ``backoffPlan``.
        ``seconds``: for all attempts and the waits between them.
        """
        until, made, left = self._clock() + seconds, 1, seconds
        plan = object_of(secrets, "backoffPlan")
        while True:
            reply = self._once(url, message_id, body, secrets, left)
            wait = backoff.wait(plan, made, reply.status) if reply.error is not None else None
            if wait is None or self._clock() + wait >= until:
                return reply
            self._pause(wait)
            made, left = made + 1, until - self._clock()

    def _once(
        self, url: str, message_id: str, body: bytes, secrets: JsonObject, seconds: float
    ) -> Reply:
        sent = Outgoing(url, body, message_id, int(time.time()))
        try:
            answer = post_signed(sent, secrets, seconds, self._allow_private, MAX_BYTES + 1)
        except SendError as error:
            return Reply(error=str(error))
        if not 200 <= answer.status < 300:
            told = answer.body[:MAX_BYTES] if answer.status >= 400 else b""
            return Reply(told, f"the server answered {answer.status}", answer.status)
        if len(answer.body) > MAX_BYTES:
            return Reply(
                error=f"the server's answer is over {MAX_BYTES} bytes", status=answer.status
            )
        return Reply(answer.body, status=answer.status)
