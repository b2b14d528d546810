"""The API's table of operations: the OpenAPI document, the docs page and the checks come from it.

A view adds the rest. Its annotations are the models of path, query and body. Its docstring is the
summary and the description. https://spec.openapis.org/oas/v3.1.0#operation-object
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import get_type_hints

from flask import Blueprint
from pydantic import BaseModel

from app.routes.auth import require_key
from app.routes.schemas.base import Model, Uuid
from app.routes.validation import View, checked
from providers.common.json_types import JsonObject

PLACES = ("path", "query", "body")
# Error statuses of every operation.
ERRORS = (400, 401, 429, 503)


class IdPath(Model):
    """The path of one object. Every object's id is a UUID."""

    id: Uuid


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. ``response`` is OpenAPI's response object, where no JSON is sent."""

    method: str
    rule: str
    operation_id: str
    answer: type[BaseModel] | None = None
    many: bool = False
    status: int = 200
    also: tuple[int, ...] = ()
    """Other statuses of success, with the same response."""
    errors: tuple[int, ...] = ()
    response: JsonObject | None = None
    request: JsonObject | None = None
    """OpenAPI's request body object, where no JSON is taken."""
    summary: str = ""
    description: str = ""
    models: Mapping[str, type[BaseModel]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The path as OpenAPI writes it: ``/call/{id}``."""
        return re.sub(r"<(\w+)>", r"{\1}", self.rule)

    @property
    def refusals(self) -> tuple[int, ...]:
        """Every error status. An object named by its id may be missing."""
        missing = (404,) if "<id>" in self.rule else ()
        too_large = (413,) if "body" in self.models else ()
        return (*ERRORS, *missing, *too_large, *self.errors)

    def of(self, view: View) -> Operation:
        """Complete the operation from its view. The docstring's first sentence is the summary."""
        summary, _, description = " ".join((view.__doc__ or "").split()).partition(". ")
        hints = get_type_hints(view)
        return replace(
            self,
            summary=self.summary or summary.removesuffix("."),
            description=self.description or description,
            models={name: hints[name] for name in PLACES if name in hints} | dict(self.models),
        )


class Section(Blueprint):
    """The operations under one tag of the document. They require an API key."""

    def __init__(self, name: str, about: str, *, tag: str = "", scheme: str = "") -> None:
        """``scheme`` is an alternative to the key. The views then check who asks."""
        super().__init__(name, __name__)
        self.tag = tag or name
        self.about = about
        self.security: list[dict[str, list[str]]] = [
            {opens: []} for opens in ("bearer", "basic", scheme) if opens
        ]
        self.operations: list[Operation] = []
        if not scheme:
            self.before_request(require_key)

    def serve(self, operation: Operation) -> Callable[[View], View]:
        """Register a view, which gets its models filled and valid."""

        def register(view: View) -> View:
            whole = operation.of(view)
            checks = partial(checked, view, whole.models)
            self.add_url_rule(whole.rule, view.__name__, checks, methods=[whole.method])
            self.operations.append(whole)
            return view

        return register
