"""An assistant's JSON as the texts of a form, and a form's texts over the JSON. Pure.

An input that shows what the JSON holds changes nothing. So fields that the form does not know,
and values that it cannot show, are never lost.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from app.domain.assistant.fields import Json
from app.domain.dashboard.assistants.form_fields import FIELDS, FormField
from app.domain.dashboard.assistants.kinds import EndCall, FieldProblem, Ids
from providers.common.json_types import JsonDict

Given = Mapping[str, Sequence[str]]
"""Names of inputs -> their texts, as a browser sends them."""
Values = Mapping[str, Sequence[str]]
"""Names of inputs -> the texts that they show."""
CHECKBOXES = (Ids, EndCall)
"""Kinds whose inputs are not sent when none is checked."""


class Applied(NamedTuple):
    """The assistant after the form, and a sentence for each field that could not be read."""

    assistant: JsonDict
    problems: dict[str, str]


def values(assistant: Json) -> Values:
    """What the inputs show of this assistant."""
    return {each.name: each.kind.shown(assistant) for each in FIELDS}


def given_values(given: Given) -> Values:
    """What a browser sent, to be shown again."""
    return {each.name: [_as_sent(text) for text in given.get(each.name, ())] for each in FIELDS}


def applied(assistant: Json, given: Given) -> Applied:
    """The assistant with what the form changes in it."""
    made, problems = dict(assistant), dict[str, str]()
    for each in FIELDS:
        texts = given.get(each.name)
        if texts is None and not isinstance(each.kind, CHECKBOXES):
            continue
        sent = [_as_sent(text) for text in texts or ()]
        if [_shape(each, text) for text in sent] == _shapes(each, assistant):
            continue
        try:
            made = each.kind.changed(made, sent)
        except FieldProblem as problem:
            problems[each.name] = f"{each.label}: {problem}"
    return Applied(made, problems)


def _shapes(each: FormField, assistant: Json) -> list[str]:
    return [_shape(each, _as_sent(text)) for text in each.kind.shown(assistant)]


def _as_sent(text: str) -> str:
    """Browsers send the end of each line as two characters."""
    return re.sub(r"\r\n?", "\n", text)


def _shape(each: FormField, text: str) -> str:
    """As an input of one line holds it."""
    return text if each.input == "area" else text.replace("\n", "")
