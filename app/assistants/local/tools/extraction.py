"""``variableExtractionPlan``: variables of the call, out of a tool's answer. Pure.

https://docs.vapi.ai/tools/api-request/response
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from app.assistants.local.tools.run import Outcome, Run
from app.domain.assistant.fields import Json, object_of, objects_of, text_of
from app.domain.assistant.liquid.text import fill
from app.domain.calls.variables import KEPT
from providers.common.json_types import JsonDict, JsonObject

KEY = re.compile(r"[a-zA-Z][a-zA-Z0-9_]{0,39}", re.ASCII)
# A template that is one path, such as {{ $[0].name }}: its value keeps its type.
PATH = re.compile(r"\{\{\s*(\$|[A-Za-z_][\w-]*)((?:\.[\w-]+|\[\d{1,4}\])*)\s*\}\}", re.ASCII)
STEP = re.compile(r"\.([\w-]+)|\[(\d+)\]", re.ASCII)
BODY = "tool.response.body"
# Variables of one plan.
MOST = 100
# Characters of all variables as JSON. More are used in the call, and not stored with it.
MOST_KEPT = 100_000


def values_of(plan: Json, body: Any, known: JsonObject) -> JsonDict:
    """The variables of a plan, out of values that a model found. ``known``: those before."""
    found = _by_schema(object_of(plan, "schema"), body)
    whole = {**known, **found}
    for alias in objects_of(plan, "aliases")[:MOST]:
        key = text_of(alias, "key")
        if KEY.fullmatch(key):
            found[key] = whole[key] = fill(text_of(alias, "value"), whole)
    return found


def learn(run: Run, outcome: Outcome) -> None:
    """Add the variables of this answer to the call's, for later texts and for its artifact."""
    found = extract(run, outcome)
    if not found:
        return
    run.values.update(found)
    if len(json.dumps(run.values, default=str)) <= MOST_KEPT:
        run.call_context.update_call({KEPT: dict(run.values)})


def extract(run: Run, outcome: Outcome) -> JsonDict:
    """The variables that the tool's plan makes of this answer. What is not there gives none."""
    plan = object_of(run.tool.json, "variableExtractionPlan")
    if not plan or outcome.body is None:
        return {}
    found = _by_schema(object_of(plan, "schema"), outcome.body)
    response = {"body": outcome.body, "headers": dict(outcome.headers)}
    body = outcome.body if isinstance(outcome.body, Mapping) else {}
    known = {**run.values, **run.arguments, **body, **found, "tool": {"response": response}}
    for alias in objects_of(plan, "aliases")[:MOST]:
        key = text_of(alias, "key")
        if KEY.fullmatch(key):
            value = _value(run, text_of(alias, "value"), known)
            if value is not None:
                found[key] = known[key] = value
    return found


def _by_schema(schema: Json, body: Any) -> JsonDict:
    """An object's properties are variables, and an array is one, by its title."""
    if isinstance(body, Mapping):
        names = list(object_of(schema, "properties"))[:MOST]
        return {name: body[name] for name in names if body.get(name) is not None}
    name = text_of(schema, "title") or text_of(schema, "name")
    return {name: body} if isinstance(body, list) and KEY.fullmatch(name) else {}


def _value(run: Run, template: str, known: JsonDict) -> Any:
    path = PATH.fullmatch(template.strip())
    if path is None:
        return run.render_with(re.sub(r"\{\{\s*\$", "{{" + BODY, template), known)
    root = known["tool"]["response"]["body"] if path[1] == "$" else known.get(path[1])
    return _at(root, path[2])


def _at(value: Any, steps: str) -> Any:
    """The value at the end of a path; None if there is none."""
    for name, index in STEP.findall(steps):
        if name and isinstance(value, Mapping):
            value = value.get(name)
        elif index and isinstance(value, list) and int(index) < len(value):
            value = value[int(index)]
        else:
            return None
    return value
