"""Calls of which nothing that was said is kept: ``hipaaEnabled`` and ``pciEnabled``. Pure.

https://docs.vapi.ai/security-and-privacy/hipaa
"""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.assistant.fields import Json, object_of
from providers.common.json_types import JsonDict, JsonObject

SAID = (
    "messages",
    "transcript",
    "summary",
    "analysis",
    "skippedStructuredOutputs",
    "structuredOutputsLastUpdatedAt",
    "variableValues",
    "earlierTalk",
    "upstream",
)
"""Fields of a call's body that hold words of the call, or what follows from them."""
OUTPUTS = "structuredOutputs"
TRANSFERS = "transfers"
SAID_TO_OPERATOR = ("messages", "transcript")
"""Fields of a transfer that hold words of its transfer assistant and its operator."""


def keeps_no_record(assistant: Json) -> bool:
    """``compliancePlan`` has both; ``hipaaEnabled`` of the assistant is the older place."""
    plan = object_of(assistant, "compliancePlan")
    given = (assistant.get("hipaaEnabled"), plan.get("hipaaEnabled"), plan.get("pciEnabled"))
    return any(each is True for each in given)


def without_words(body: JsonObject, kept_outputs: frozenset[str]) -> JsonDict:
    """The call's body without what was said. ``kept_outputs``: ids of ``forceStoreOnHipaaEnabled``."""
    left = {name: value for name, value in body.items() if name not in (*SAID, OUTPUTS)}
    if TRANSFERS in left:
        left[TRANSFERS] = [
            {name: value for name, value in each.items() if name not in SAID_TO_OPERATOR}
            for each in left[TRANSFERS]
        ]
    results = body.get(OUTPUTS)
    kept = results if isinstance(results, Mapping) else {}
    kept = {id: entry for id, entry in kept.items() if id in kept_outputs}
    return {**left, OUTPUTS: kept} if kept else left
