"""/openapi.json, drawn from the routes' models, and /docs, the same for people.

The page is one template and one style sheet of ours: it loads nothing from outside and runs no
script. https://spec.openapis.org/oas/v3.1.0
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, cast

from flask import Blueprint, Response, current_app, render_template
from flask_openapi3.models.info import Info
from flask_openapi3.models.schema import Schema
from flask_openapi3.openapi import OpenAPI
from flask_openapi3.utils import get_model_schema

from app.routes.json_body import MAX_BYTES, MAX_DEPTH, MAX_KEYS
from app.routes.schemas.responses import CallEvent, Error, ServerMessage
from app.routes.validation import services

SECURITY_SCHEMES: dict[str, Any] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "The API key."},
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "The API key as the password; the user name is not looked at.",
    },
    "controlToken": {
        "type": "apiKey",
        "in": "query",
        "name": "token",
        "description": "As in monitor.controlUrl.",
    },
    "linkToken": {
        "type": "apiKey",
        "in": "query",
        "name": "token",
        "description": "As in recordingUrl, with its expires.",
    },
}

DESCRIPTION = (
    "A self-hosted, Vapi-compatible phone-call API. In bypass mode a call is not dialled here, but "
    "handed out as what splices an assistant into a call that your own flow owns."
)

LIMITS = (
    ("Request body", f"{MAX_BYTES // 1024} kB of JSON in UTF-8"),
    ("Nesting", f"{MAX_DEPTH} levels"),
    ("Keys of one object", str(MAX_KEYS)),
    ("Numbers", "64-bit integers; no NaN, no Infinity"),
    ("Refused", "repeated keys, unknown fields, NUL characters, half surrogate pairs"),
)

ERRORS = (
    (400, "Body or query is not valid (message is an array), or cannot be done (a string)."),
    (401, "No API key that is in force."),
    (404, "No such object in this organisation, or no such path."),
    (405, "The path exists, with other methods: see the header Allow."),
    (409, "It contradicts an earlier request."),
    (413, "The body is too large."),
    (415, "The body is not declared as application/json."),
    (429, "More new calls a minute than allowed: try again after Retry-After seconds."),
    (500, "Our mistake; the log says which."),
    (503, "The store is not available: try again after Retry-After seconds."),
)

CONTENT_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"
ONLY_IN_LISTS = (CallEvent, ServerMessage)
"""Answers no route gives singly, so that the library does not come across them."""

REF = "#/components/schemas/"

blueprint = Blueprint("openapi", __name__)


def new_app(import_name: str) -> OpenAPI:
    """A Flask application that collects the document; none of the library's pages is served."""
    app = OpenAPI(
        import_name,
        info=Info(title="Patchbay", version=_version(), description=DESCRIPTION),
        security_schemes=SECURITY_SCHEMES,
        validation_error_status=400,
        validation_error_model=Error,
        doc_ui=False,
    )
    for model in ONLY_IN_LISTS:
        app.components_schemas[model.__name__] = Schema(**get_model_schema(model, "serialization"))
    return app


@blueprint.get("/openapi.json")
def document() -> Response:
    return Response(json.dumps(spec()), mimetype="application/json")


@blueprint.get("/docs")
def page() -> Response:
    html = render_template(
        "docs.html",
        info=spec()["info"],
        base=services().core.settings.public_url,
        security=SECURITY_SCHEMES,
        tags=list(_tags(spec())),
        models=list(_models(spec())),
        limits=LIMITS,
        errors=ERRORS,
    )
    headers = {"Content-Security-Policy": CONTENT_POLICY, "X-Content-Type-Options": "nosniff"}
    return Response(html, headers=headers, mimetype="text/html")


def spec() -> dict[str, Any]:
    """The OpenAPI 3.1 document; built once, by the library."""
    app = cast(OpenAPI, current_app)
    if not app.spec_json:
        _tidy(app.api_doc["components"]["schemas"])
        _tidy(app.api_doc["paths"])
    return app.spec_json


def _tidy(node: Any) -> None:
    """Remove what pydantic writes for its own purposes: titles made of names, defaults of null."""
    if isinstance(node, list):
        for item in node:
            _tidy(item)
    elif isinstance(node, dict):
        if isinstance(node.get("title"), str):
            del node["title"]
        if "default" in node and node["default"] is None:
            del node["default"]
        for item in node.values():
            _tidy(item)


def _version() -> str:
    try:
        return version("patchbay")
    except PackageNotFoundError:  # run from a checkout
        return "0"


# ------------------------------------------------------------------ the page


@dataclass(frozen=True, slots=True)
class Operation:
    """One line of the page's list. ``body`` and ``answer`` are names of models."""

    method: str
    path: str
    summary: str
    description: str
    parameters: str
    body: str | None
    status: str
    answer: str | None
    many: bool


@dataclass(frozen=True, slots=True)
class Field:
    """One row of a model's table."""

    name: str
    type: str
    model: str | None
    limits: str
    about: str
    required: bool


def _tags(document: dict[str, Any]) -> Iterator[tuple[dict[str, Any], list[Operation]]]:
    operations = [
        (operation.get("tags", []), _operation(method, path, operation))
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]
    for tag in document["tags"]:
        yield tag, [found for tags, found in operations if tag["name"] in tags]


def _operation(method: str, path: str, operation: dict[str, Any]) -> Operation:
    content = operation.get("requestBody", {}).get("content", {})
    answers = operation["responses"]
    status = next((code for code in sorted(answers) if code.startswith("2")), "200")
    answer = answers.get(status, {}).get("content", {})
    query = [p["name"] for p in operation.get("parameters", []) if p["in"] == "query"]
    return Operation(
        method=method.upper(),
        path=path,
        summary=operation.get("summary", ""),
        description=operation.get("description", ""),
        parameters=", ".join(query),
        body=_model_of(content),
        status=status,
        answer=_model_of(answer),
        many="items" in _schema(answer),
    )


def _schema(content: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = content.get("application/json", {}).get("schema", {})
    return found


def _model_of(content: dict[str, Any]) -> str | None:
    schema = _schema(content)
    ref = schema.get("$ref") or schema.get("items", {}).get("$ref")
    return ref.removeprefix(REF) if ref else None


def _models(document: dict[str, Any]) -> Iterator[tuple[str, str, list[Field], list[str]]]:
    """(name, what it is, its fields, its values), of objects and of enumerations."""
    for name, schema in sorted(document["components"]["schemas"].items()):
        required = set(schema.get("required", []))
        properties = schema.get("properties", {})
        fields = [_field(field, own, field in required) for field, own in properties.items()]
        yield name, schema.get("description", ""), fields, schema.get("enum", [])


def _field(name: str, schema: dict[str, Any], required: bool) -> Field:
    shown = next((s for s in schema.get("anyOf", []) if s.get("type") != "null"), schema)
    ref = shown.get("$ref") or shown.get("items", {}).get("$ref")
    many = shown.get("type") == "array"
    return Field(
        name=name,
        type="array of" if many and ref else str(shown.get("type", "" if ref else "any")),
        model=ref.removeprefix(REF) if ref else None,
        limits=", ".join(_limits(shown)),
        about=schema.get("description", ""),
        required=required,
    )


def _limits(schema: dict[str, Any]) -> Iterator[str]:
    for word, template in (
        ("minimum", "at least {}"),
        ("maximum", "at most {}"),
        ("maxLength", "at most {} characters"),
        ("format", "{}"),
        ("pattern", "{}"),
    ):
        if word in schema:
            value = schema[word]
            yield template.format(int(value) if isinstance(value, float) else value)
    if "enum" in schema:
        yield " | ".join(str(value) for value in schema["enum"])
