"""An assistant as a browser sends it: the form's inputs over a JSON, or the JSON alone."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from flask import request

from app.dashboard import forms
from app.domain.dashboard.assistants import form
from app.domain.dashboard.assistants.check import Checked, Stored, judge, whole
from app.domain.dashboard.assistants.form import Values
from app.domain.errors import Invalid
from app.routes.errors import ApiError
from app.routes.json_body import parse
from app.routes.schemas.assistants import Assistant
from app.routes.validation import services
from providers.common.json_types import JsonDict

FORM, JSON = "form", "json"
NO_OBJECT = "An assistant is a JSON object: it begins with { and ends with }."
NOT_JSON = "the body is not acceptable JSON: "


@dataclass(frozen=True)
class Edited:
    """``public``: the assistant without stored secrets, as far as it could be read."""

    public: JsonDict
    view: str = FORM
    text: str = ""
    """The JSON as it was typed; empty: that of ``public``."""
    values: Values | None = None
    """The inputs as they were sent; None: those of ``public``."""
    unread: dict[str, str] = field(default_factory=dict)
    """Field of the form -> why its input was not taken."""
    broken: str = ""
    """Why the text is not the JSON of an assistant."""

    @property
    def is_read(self) -> bool:
        return not (self.unread or self.broken)

    @property
    def json(self) -> str:
        """For people."""
        return self.text or json.dumps(self.public, indent=2, ensure_ascii=False)

    @property
    def base(self) -> str:
        """For the form, which changes it."""
        return json.dumps(self.public)

    @property
    def shown(self) -> Values:
        return form.values(self.public) if self.values is None else self.values


def sent() -> Edited:
    """What the request's form holds."""
    view = JSON if request.form.get("view") == JSON else FORM
    text = request.form.get("json", "")
    try:
        public = _parsed(text)
        if view == JSON:
            return Edited(public, JSON, text)
        inputs = request.form.to_dict(flat=False)
        made = form.applied(public, inputs)
        return Edited(
            _parsed(json.dumps(made.assistant)),
            values=form.given_values(inputs) if made.problems else None,
            unread=made.problems,
        )
    except ApiError as error:
        return Edited({}, view, text, broken=str(error.message).removeprefix(NOT_JSON))


def _parsed(text: str) -> JsonDict:
    """Raises ``ApiError``."""
    found = parse(text.encode())
    if not isinstance(found, dict):
        raise ApiError(400, NO_OBJECT)
    return found


def checked(edited: Edited, before: Stored | None, org_id: str) -> tuple[Checked, JsonDict]:
    """The check, and the assistant as it would be stored: without secrets that are stored."""
    given, problems = edited.public, list[str]()
    try:
        given = forms.checked(Assistant, edited.public)
    except Invalid as error:
        problems = error.sentences
    return judge(services().context, org_id, whole(before, given), problems), given
