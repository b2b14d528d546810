"""``artifact.structuredOutputs``: extracts from an ended call what its assistant asks for.

A part of the analysis (``analysis.py``), with its job and its attempts. What cannot be extracted
has an ``error`` there, and holds back no report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from app.domain.assistant import structured_outputs as outputs
from app.domain.assistant.structured_outputs import REGEX, StructuredOutput
from app.domain.context import Context, iso
from app.domain.costs import items as costs
from app.domain.reporting import matching
from app.domain.reporting.matching import NoMatch
from app.domain.resources.structured_outputs import MISSING
from app.vendors.common.account import VendorAccounts
from app.vendors.common.answer import ModelAnswer
from providers.common.json_types import JsonDict, JsonObject

RESULTS, SKIPPED, CHANGED_AT = (
    "structuredOutputs",
    "skippedStructuredOutputs",
    "structuredOutputsLastUpdatedAt",
)
"""Fields of the artifact, and of the call's body."""
AT_ONCE = 4
"""Outputs of one call that are extracted at once."""


@dataclass(frozen=True, slots=True)
class Extracted:
    """One output's result."""

    output: StructuredOutput
    value: Any = None
    error: str | None = None
    transient: bool = False
    """Whether an error may be gone soon."""
    is_models: bool = False
    """Whether the error is the model's own, and not about what it extracted."""
    used: ModelAnswer = field(default_factory=ModelAnswer)


@dataclass(frozen=True, slots=True)
class Source:
    """The ended call, and who answers questions about it."""

    context: Context
    call: JsonObject
    """``messages``, ``transcript``, ``endedReason``."""
    model: JsonObject
    """The assistant's."""
    accounts: VendorAccounts


def extract(source: Source, wanted: Sequence[StructuredOutput]) -> list[Extracted]:
    """Extract all, a few at once. Never raises for one of them."""
    if not wanted:
        return []
    with ThreadPoolExecutor(min(AT_ONCE, len(wanted))) as pool:
        return list(pool.map(lambda each: _extract(source, each), wanted))


def open_ones(
    body: JsonObject, defined: Sequence[StructuredOutput], known: outputs.Facts
) -> tuple[list[StructuredOutput], Mapping[str, JsonDict]]:
    """The outputs that are still to be extracted, and the entries of those that are skipped."""
    skipped = {each.id: unmet for each in defined if (unmet := outputs.unmet(each, known))}
    done = {id for id, entry in body.get(RESULTS, {}).items() if "error" not in entry}
    left = [each for each in defined if each.id not in done and each.id not in skipped]
    shown = {o.id: outputs.skipped(o, skipped[o.id]) for o in defined if o.id in skipped}
    return left, shown


def added(
    context: Context,
    body: JsonObject,
    found: Sequence[Extracted],
    skipped: Mapping[str, JsonDict],
    missing: Sequence[str],
) -> JsonDict:
    """The call's body with the results, and with what the models cost."""
    if not (found or skipped or missing):
        return dict(body)
    gone = {id: {"name": "", "result": None, "error": MISSING} for id in missing}
    new = {each.output.id: outputs.result(each.output, each.value, each.error) for each in found}
    results = {**body.get(RESULTS, {}), **gone, **new}
    body = {**body, RESULTS: results, CHANGED_AT: iso(context.now())}
    if skipped:
        body = {**body, SKIPPED: dict(skipped)}
    for each in found:
        body = {**body, **_paid(context, body, each.used)}
    return dict(body)


def _paid(context: Context, body: JsonObject, used: ModelAnswer) -> JsonObject:
    if not used.model:
        return {}
    about = {"type": "analysis", "analysisType": "structuredOutput", "model": used.model}
    return costs.add(body, context.prices.item(about | used.usage))


def _extract(source: Source, output: StructuredOutput) -> Extracted:
    if output.type == REGEX:
        return _matched(output, str(source.call.get("transcript") or ""))
    model = output.model if output.model.get("provider") else source.model
    messages = output.messages(source.call)
    answer = source.context.ask_model(model, source.accounts, messages, outputs.SECONDS)
    if answer.error:
        return Extracted(output, error=answer.error, transient=answer.transient, is_models=True)
    try:
        value = outputs.read_json(answer.text)
        matching.check(dict(output.schema), value)
    except NoMatch as problem:
        return Extracted(output, error=f"the model's answer: {problem}", used=answer)
    except ValueError:
        return Extracted(output, error="the model's answer is no JSON", used=answer)
    return Extracted(output, value, used=answer)


def _matched(output: StructuredOutput, transcript: str) -> Extracted:
    kind = str(output.schema.get("type") or "string")
    try:
        return Extracted(output, matching.find(output.regex, transcript, kind))
    except NoMatch as problem:
        return Extracted(output, error=f"regex: {problem}")
