"""Vapi's ``analysisPlan``: the questions a model answers after a call, in all its forms. Pure.

https://docs.vapi.ai/assistants/call-analysis
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from app.domain.assistant.fields import Json, object_of, objects_of, text_of
from app.domain.assistant.liquid import text as templates
from providers.common.json_types import JsonDict, JsonObject

Messages = list[dict[str, str]]

SECONDS, MOST_SECONDS = 5.0, 60.0
"""Vapi's default of ``timeoutSeconds``, and our maximum."""
MIN_MESSAGES = 2
"""Vapi's default of ``minMessagesThreshold``."""
OFF = frozenset({"", "off"})

SUMMARY, DATA, SUCCESS = "summary", "structuredData", "successEvaluation"
SYSTEM: Mapping[str, str] = {
    SUMMARY: "You are an expert note-taker. You will be given a transcript of a call. Summarize "
    "the call in 2-3 sentences. DO NOT return anything except the summary.",
    DATA: "You are an expert data extractor. You will be given a transcript of a call. Extract "
    "structured data per the JSON Schema. DO NOT return anything except the structured data.",
    SUCCESS: "You are an expert call evaluator. You will be given a transcript of a call and the "
    "system prompt of the AI participant. Determine if the call was successful based on the "
    "objectives inferred from the system prompt. DO NOT return anything except the result.",
}
"""Vapi's default prompts, for an assistant that has none."""
RULES: Mapping[str, str] = {
    SUMMARY: "",
    DATA: "\n\nJson Schema:\n{{schema}}\n\nOnly respond with the JSON.",
    SUCCESS: "\n\nRubric:\n{{rubric}}\n\nOnly respond with the result.",
}
TRANSCRIPT = "Here is the transcript:\n\n{{transcript}}\n\n"
REASON = ". Here is the ended reason of the call:\n\n{{endedReason}}\n\n"
PROMPT = "Here was the system prompt of the call:\n\n{{systemPrompt}}\n\n"
GIVEN: Mapping[str, tuple[str, ...]] = {
    SUMMARY: (TRANSCRIPT + REASON,),
    DATA: (TRANSCRIPT + REASON,),
    SUCCESS: (TRANSCRIPT, PROMPT + REASON),
}
RUBRICS: Mapping[str, str] = {
    "NumericScale": "A scale of 1 to 10.",
    "DescriptiveScale": "A scale of Excellent, Good, Fair, Poor.",
    "Checklist": "A checklist of criteria and their status.",
    "Matrix": "A grid that evaluates multiple criteria across different performance levels.",
    "PercentageScale": "A scale of 0% to 100%.",
    "LikertScale": "A scale of Strongly Agree, Agree, Neutral, Disagree, Strongly Disagree.",
    "AutomaticRubric": "Break the evaluation down into several criteria, each with its own score.",
    "PassFail": "A simple 'true' if the call passed, 'false' if not.",
}


@dataclass(frozen=True, slots=True)
class Question:
    """One question. ``name``: the field of ``analysis`` that holds its answer."""

    name: str
    messages: Messages
    seconds: float
    known: Mapping[str, str] = field(default_factory=dict)
    """Values of its own: the schema, or the rubric."""


@dataclass(frozen=True, slots=True)
class AnalysisPlan:
    """The assistant's questions about every call, and the shortest conversation they suit."""

    min_messages: float
    questions: tuple[Question, ...]
    """The questions, without values known only after a call. Empty: no question."""

    def questions_about(self, call: JsonObject) -> list[Question]:
        """``call``: ``messages``, ``transcript``, ``endedReason``, ``variableValues``."""
        if len(spoken(call)) < self.min_messages:
            return []
        known = prompt_values(call)
        return [
            replace(each, messages=_filled(each.messages, {**known, **each.known}))
            for each in self.questions
        ]


def parse(assistant: Json) -> AnalysisPlan:
    """The plan of an assistant, from the current form or an older one."""
    plan = object_of(assistant, "analysisPlan")
    found = (_summary(assistant, plan), _data(plan), _success(plan))
    least = _number(plan.get("minMessagesThreshold"), MIN_MESSAGES, 0, 100)
    return AnalysisPlan(least, tuple(each for each in found if each is not None))


def answer(name: str, text: str) -> Any:
    """The model's answer as the value of an ``analysis`` field; None: unusable."""
    bare = text.strip()
    if name != DATA:
        return bare or None
    bare = bare.removeprefix("```json").removeprefix("```").removesuffix("```")
    try:
        return json.loads(bare)
    except ValueError:
        return None


# ------------------------------------------------------------------ the three of them


def _summary(assistant: Json, plan: Json) -> Question | None:
    own = object_of(plan, "summaryPlan")
    prompt = plan.get("summaryPrompt", assistant.get("summaryPrompt"))  # two older forms
    if own.get("enabled") is False or ("messages" not in own and _is_off(prompt)):
        return None
    older = plan.get("summaryRequestTimeoutSeconds")
    return _question(SUMMARY, own, prompt, older, {})


def _data(plan: Json) -> Question | None:
    own = object_of(plan, "structuredDataPlan")
    schema = own.get("schema") or plan.get("structuredDataSchema")
    prompt = plan.get("structuredDataPrompt")
    if not (own.get("enabled") is True or (not own and (schema or prompt))) or _is_off(prompt):
        return None
    older = plan.get("structuredDataRequestTimeoutSeconds")
    return _question(DATA, own, prompt, older, {"schema": json.dumps(schema or {})})


def _success(plan: Json) -> Question | None:
    own = object_of(plan, "successEvaluationPlan")
    prompt = plan.get("successEvaluationPrompt")
    if own.get("enabled") is False or ("messages" not in own and _is_off(prompt)):
        return None
    rubric = text_of(own, "rubric") or text_of(plan, "successEvaluationRubric") or "PassFail"
    older = plan.get("successEvaluationRequestTimeoutSeconds")
    return _question(SUCCESS, own, prompt, older, {"rubric": RUBRICS.get(rubric, rubric)})


def _question(
    name: str, plan: Json, prompt: object, older_seconds: object, known: Mapping[str, str]
) -> Question:
    messages = _messages(plan) or _default(name, prompt)
    seconds = _number(plan.get("timeoutSeconds", older_seconds), SECONDS, 1, MOST_SECONDS)
    return Question(name, messages, seconds, known)


def _default(name: str, prompt: object) -> Messages:
    system = (prompt if isinstance(prompt, str) else SYSTEM[name]) + RULES[name]
    given = [{"role": "user", "content": text} for text in GIVEN[name]]
    return [{"role": "system", "content": system}, *given]


def _messages(plan: Json) -> Messages:
    return [
        {"role": str(each["role"]), "content": str(each["content"])}
        for each in objects_of(plan, "messages")
        if each.get("role") and each.get("content")
    ]


def prompt_values(call: JsonObject) -> JsonDict:
    """The call's own variables, and those of a call that is over."""
    messages = call.get("messages") or []
    prompts = [str(each.get("message", "")) for each in messages if each.get("role") == "system"]
    return {
        **(call.get("variableValues") or {}),
        "transcript": str(call.get("transcript") or ""),
        "systemPrompt": "\n\n".join(prompts),
        "messages": json.dumps(messages, ensure_ascii=False),
        "endedReason": str(call.get("endedReason") or ""),
    }


def _filled(messages: Messages, known: JsonObject) -> Messages:
    """In one pass, so that a caller's words are never a template."""
    return [{**each, "content": templates.fill(each["content"], known)} for each in messages]


def spoken(call: JsonObject) -> Sequence[JsonObject]:
    """What the customer and the assistant said."""
    return [each for each in call.get("messages") or [] if each.get("role") in {"user", "bot"}]


def _number(value: object, default: float, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return default
    return float(min(max(value, least), most))


def _is_off(prompt: object) -> bool:
    return isinstance(prompt, str) and prompt.strip().lower() in OFF
