"""The values of a call's templates, and what this program itself says or dials by them."""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.assistant import variables
from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.liquid import text
from app.domain.calls.record import Call
from app.domain.context import Context, iso
from providers.common.json_types import JsonDict, JsonObject

KEPT = "variableValues"
"""Field of a call's body: the values of its first media socket, which stay for the whole call."""


def of_call(context: Context, call: Call) -> JsonDict:
    """The values that the call's texts were rendered with, or would be now."""
    kept = call.body.get(KEPT)
    if isinstance(kept, Mapping):
        return dict(kept)
    about = {
        "id": call.id,
        "type": call.type,
        "name": call.body.get("name"),
        "metadata": call.body.get("metadata") or {},
        "createdAt": iso(call.created_at),
        "phoneCallProvider": call.provider,
        "phoneCallProviderId": call.provider_call_id,
        "customer": call.facts.customer,
        "phoneNumber": {**call.facts.phone_number, "number": call.facts.number},
        "transport": {"conversationType": "voice", "provider": call.provider},
    }
    return variables.values(call.facts.assistant.variable_values, about, context.now())


def carried(values: JsonObject, before: AssistantConfig, after: AssistantConfig) -> JsonDict:
    """The values once ``after`` talks: its own win, except over what the call has learned.

    A value counts as learned if it is another than ``before`` began with.
    """
    began = before.variable_values
    learned = {
        name: value
        for name, value in values.items()
        if name in after.variable_values and name in began and began[name] != value
    }
    return {**values, **after.variable_values, **learned}


def filled(context: Context, call: Call, given: JsonObject) -> JsonObject:
    """A destination or control message with its templates rendered."""
    if not text.has_template(str(given)):
        return given
    found: JsonDict = text.fill_all(given, of_call(context, call))
    return found


def filled_text(context: Context, call: Call, words: str) -> str:
    return text.fill(words, of_call(context, call)) if text.has_template(words) else words
