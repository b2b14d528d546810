"""Calls of which nothing that was said is kept: ``hipaaEnabled`` and ``pciEnabled``. Pure.

https://docs.vapi.ai/security-and-privacy/hipaa
"""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.assistant.fields import Json, object_of, text_of
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
TRANSFERS, DESTINATION = "transfers", "destination"
SAID_TO_OPERATOR = ("messages", "transcript")
"""Fields of a transfer that hold words of its transfer assistant and its operator."""
PLACE = ("type", "number", "sipUri", "extension", "callerId")
"""Fields of a destination that say where it is. The others are rendered, or a server wrote them."""


def keeps_no_record(assistant: Json) -> bool:
    """``compliancePlan`` has both; ``hipaaEnabled`` of the assistant is the older place."""
    plan = object_of(assistant, "compliancePlan")
    given = (assistant.get("hipaaEnabled"), plan.get("hipaaEnabled"), plan.get("pciEnabled"))
    return any(each is True for each in given)


def without_words(body: JsonObject, kept_outputs: frozenset[str]) -> JsonDict:
    """The call's body without what was said. ``kept_outputs``: ids of ``forceStoreOnHipaaEnabled``."""
    left = {name: value for name, value in body.items() if name not in (*SAID, OUTPUTS)}
    if DESTINATION in left:
        left[DESTINATION] = place_of(left[DESTINATION])
    if TRANSFERS in left:
        left[TRANSFERS] = [_transfer(each) for each in left[TRANSFERS]]
    results = body.get(OUTPUTS)
    kept = results if isinstance(results, Mapping) else {}
    kept = {id: entry for id, entry in kept.items() if id in kept_outputs}
    return {**left, OUTPUTS: kept} if kept else left


def place_of(destination: Json) -> JsonDict:
    """The destination without words: where it is, and the mode of its plan."""
    mode = text_of(object_of(destination, "transferPlan"), "mode")
    place = {name: destination[name] for name in PLACE if name in destination}
    return {**place, **({"transferPlan": {"mode": mode}} if mode else {})}


def _transfer(given: Json) -> JsonDict:
    left = {name: value for name, value in given.items() if name not in SAID_TO_OPERATOR}
    return {**left, DESTINATION: place_of(object_of(given, DESTINATION))}
