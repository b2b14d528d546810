"""``variableExtractionPlan`` of a handoff: values that the model takes out of the conversation.

https://docs.vapi.ai/squads/handoff
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from app.assistants.local.tools.extraction import values_of
from app.assistants.local.transcript.conversation import Conversation
from app.domain.assistant.fields import object_of
from app.media.call_context import CallContext
from app.telemetry.call_log import call_log
from providers.common import foreign_json
from providers.common.json_types import JsonDict, JsonObject

SECONDS = 8.0
PROMPT = (
    "Take the following values out of the conversation. Answer with one JSON object of this "
    "schema and nothing else. Leave out what was not said."
)

log = call_log(__name__)


async def extract(
    call_context: CallContext, conversation: Conversation, plan: JsonObject, values: JsonObject
) -> JsonDict:
    """The variables of the plan. A model that fails gives none, and the handoff goes on."""
    schema = object_of(plan, "schema")
    found: Any = {}
    if schema:
        messages = [
            {"role": "system", "content": f"{PROMPT}\n\n{json.dumps(schema)}"},
            {"role": "user", "content": conversation.transcript or "(Nothing was said.)"},
        ]
        answer = await call_context.ask_model(messages, SECONDS)
        if answer.error:
            log.warning("the values of a handoff were not extracted: %s", answer.error)
        else:
            spender = f"{call_context.claim.spender}/extraction"
            item = {"type": "model", "model": answer.model, **answer.usage, "stream": spender}
            call_context.add_usage([item])
            found = _object(answer.text)
    return values_of(plan, found, values)


def _object(text: str) -> JsonDict:
    """The JSON object of an answer, which may stand between other words."""
    first, last = text.find("{"), text.rfind("}")
    try:
        found = foreign_json.parse(text[first : last + 1])
    except ValueError:
        log.warning("the values of a handoff were not extracted: the answer is no JSON")
        return {}
    return dict(found) if isinstance(found, Mapping) else {}
