"""Structured outputs: what is extracted from a call after its end, and under which conditions. Pure.

https://docs.vapi.ai/assistants/structured-outputs-quickstart
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.domain.assistant.analysis_plan import Messages, prompt_values, spoken
from app.domain.assistant.fields import (
    Json,
    list_of,
    number_of,
    object_of,
    objects_of,
    text_of,
    texts_of,
)
from app.domain.assistant.liquid.text import fill
from providers.common.json_types import JsonDict, JsonObject

AI, REGEX = "ai", "regex"
MOST = 20
"""Outputs of one call. An assistant with more is refused; of a reply's the first ones count."""
SECONDS = 15.0
"""The time for a model's answer."""
LEAST: JsonObject = {"type": "minMessages", "count": 2}
"""The condition of an output that has no ``minMessages`` of its own."""

SYSTEM = (
    "You are an expert data extractor. You will be given a transcript of a call. Extract the data "
    "that the JSON Schema describes. Use null for what the call does not tell, where the schema "
    "allows it. DO NOT return anything except the JSON.\n\n"
    "Name: {{structuredOutput.name}}\nDescription: {{structuredOutput.description}}\n"
    "JSON Schema:\n{{structuredOutput.schema}}"
)
USER = "Here is the transcript:\n\n{{transcript}}"
DEFAULT: Messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": USER}]
"""The messages of an output whose ``model`` has none."""


@dataclass(frozen=True, slots=True)
class StructuredOutput:
    """One definition. ``id``: its key in the artifact."""

    id: str
    name: str
    schema: Json
    type: str = AI
    regex: str = ""
    description: str = ""
    model: Json = field(default_factory=dict)
    """Empty: the assistant's."""
    conditions: Sequence[Json] = ()
    is_always_kept: bool = False
    """``forceStoreOnHipaaEnabled``: the result of a call without a record is kept."""

    def messages(self, call: JsonObject) -> Messages:
        """What the model is asked. ``call``: ``messages``, ``transcript``, ``endedReason``."""
        shown = {"name": self.name, "description": self.description, "schema": Shown(self.schema)}
        known = {
            **prompt_values(call),
            "structuredOutput": Shown(shown),
        }
        own = [
            {"role": str(each["role"]), "content": str(each["content"])}
            for each in objects_of(self.model, "messages")
            if each.get("role") and each.get("content")
        ]
        return [{**each, "content": fill(each["content"], known)} for each in own or DEFAULT]


def parse(id: str, body: Json) -> StructuredOutput:
    """The definition of any JSON object: a field of the wrong type counts as absent."""
    return StructuredOutput(
        id,
        name=text_of(body, "name"),
        schema=object_of(body, "schema"),
        type=text_of(body, "type") or AI,
        regex=text_of(body, "regex"),
        description=text_of(body, "description"),
        model=object_of(body, "model"),
        conditions=objects_of(body, "conditions"),
        is_always_kept=object_of(body, "compliancePlan").get("forceStoreOnHipaaEnabled") is True,
    )


@dataclass(frozen=True, slots=True)
class OutputPlan:
    """Those of an assistant: ids of stored ones, and definitions of its own."""

    ids: Sequence[str] = ()
    own: Sequence[Json] = ()

    def __bool__(self) -> bool:
        return bool(self.ids or self.own)


def plan(assistant: Json) -> OutputPlan:
    """``artifactPlan.structuredOutputIds`` and ``structuredOutputs``."""
    artifact = object_of(assistant, "artifactPlan")
    ids = dict.fromkeys(texts_of(artifact, "structuredOutputIds"))
    return OutputPlan([*ids][:MOST], objects_of(artifact, "structuredOutputs")[:MOST])


# ------------------------------------------------------------------ conditions


@dataclass(frozen=True, slots=True)
class Facts:
    """What the conditions are about."""

    messages: int
    seconds: float | None
    """The call's duration; None: it never began."""
    ended_reason: str | None


def facts(call: JsonObject, began: datetime | None, ended: datetime | None) -> Facts:
    """``call``: ``messages`` and ``endedReason``."""
    seconds = (ended - began).total_seconds() if began and ended else None
    return Facts(len(spoken(call)), seconds, call.get("endedReason"))


def unmet(output: StructuredOutput, known: Facts) -> Json | None:
    """The first condition that does not hold; None: the output is extracted."""
    given = output.conditions
    least = [] if any(each.get("type") == "minMessages" for each in given) else [LEAST]
    return next((each for each in [*least, *given] if not _holds(each, known)), None)


def _holds(condition: Json, known: Facts) -> bool:
    """An unknown condition holds: it came before the check of its kind."""
    rule = CONDITIONS.get(text_of(condition, "type"))
    return rule is None or rule(condition, known)


def _min_messages(condition: Json, known: Facts) -> bool:
    return known.messages >= number_of(condition, "count", 0)


def _min_duration(condition: Json, known: Facts) -> bool:
    return (known.seconds or 0.0) >= number_of(condition, "seconds", 0)


def _ended_reason(condition: Json, known: Facts) -> bool:
    listed = known.ended_reason in list_of(condition, "values")
    return listed is (condition.get("operator") != "notOneOf")


CONDITIONS: Mapping[str, Callable[[Json, Facts], bool]] = {
    "minMessages": _min_messages,
    "minCallDuration": _min_duration,
    "endedReason": _ended_reason,
}
"""``type`` of a condition -> whether it holds."""


# ------------------------------------------------------------------ results


def read_json(text: str) -> Any:
    """The JSON of a model's answer. Raises ``ValueError``."""
    bare = text.strip().removeprefix("```json").removeprefix("```").removesuffix("```").strip()
    return json.loads(bare)


def result(output: StructuredOutput, value: Any, error: str | None = None) -> JsonDict:
    """One entry of ``artifact.structuredOutputs``."""
    return {"name": output.name, "result": value, **({"error": error} if error else {})}


def skipped(output: StructuredOutput, condition: Json) -> JsonDict:
    """One entry of ``artifact.skippedStructuredOutputs``."""
    return {"name": output.name, "unmetCondition": dict(condition)}


class Shown(dict[str, object]):
    """An object whose text in a template is JSON."""

    def __str__(self) -> str:
        return json.dumps(self, ensure_ascii=False)
