"""Asks the client's server when the caller has finished: Vapi's ``call.endpointing.request``.

https://docs.vapi.ai/server-url/events
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from app.domain.assistant.config import server_of
from app.domain.assistant.endpointing import MAX_RULE_SECONDS
from app.domain.assistant.fields import Json
from app.domain.reporting.artifact import openai
from app.media.call_context import CallContext
from app.telemetry.call_log import call_log
from providers.common import foreign_json
from providers.common.json_types import JsonObject

log = call_log(__name__)

KIND = "call.endpointing.request"
# The caller waits meanwhile. A later answer is as none.
SECONDS = 2.0


async def ask(
    call_context: CallContext, messages: Sequence[JsonObject], server: Json | None
) -> float | None:
    """The seconds that the server names, from 0 to 15; None: it names none in time.

    ``messages``: the last one is what the caller has said until now.
    """
    said = {"messages": list(messages), "messagesOpenAIFormatted": openai(messages)}
    own = server_of({"server": server}) if server else None
    reply = await call_context.request(KIND, said, SECONDS, own.asked if own else None)
    seconds = _seconds(reply.body) if reply.error is None else None
    if seconds is None:
        log.warning("%s had no timeoutSeconds: %s", KIND, reply.error or "the answer has none")
    return seconds


def _seconds(body: bytes) -> float | None:
    try:
        answer = foreign_json.parse(body)
    except ValueError:
        return None
    given = answer.get("timeoutSeconds") if isinstance(answer, dict) else None
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        return None
    return min(max(float(given), 0.0), MAX_RULE_SECONDS)
