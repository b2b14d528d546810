"""/docs: the OpenAPI document as a page.

The page is one template and one style sheet of ours. It loads nothing from other hosts and runs no
script.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flask import Blueprint, Response, render_template

from app.routes.auth import require_key_to_docs
from app.routes.json_body import MAX_BYTES, MAX_DEPTH, MAX_KEYS
from app.routes.openapi import REF, sections, spec
from app.routes.validation import services
from providers.common.json_types import JsonDict

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
    (416, "The recording has no such range."),
    (
        429,
        "More new calls a minute than allowed, or wrong keys from your address: try again after "
        "Retry-After seconds.",
    ),
    (500, "Our mistake; the log says which."),
    (503, "The store is not available: try again after Retry-After seconds."),
)

CONTENT_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"

blueprint = Blueprint("docs", __name__)
blueprint.before_request(require_key_to_docs)


@blueprint.get("/docs")
def page() -> Response:
    parts = sections()
    document = spec(parts)
    html = render_template(
        "docs.html",
        document=document,
        base=services().context.settings.public_url,
        sections=parts,
        models=list(_models(document)),
        limits=LIMITS,
        errors=ERRORS,
    )
    headers = {"Content-Security-Policy": CONTENT_POLICY, "X-Content-Type-Options": "nosniff"}
    return Response(html, headers=headers, mimetype="text/html")


@dataclass(frozen=True, slots=True)
class Field:
    """One row of a model's table."""

    name: str
    type: str
    model: str | None
    limits: str
    about: str
    required: bool


def _models(document: JsonDict) -> Iterator[tuple[str, str, list[Field], list[str]]]:
    """Yield (name, description, fields, values) of objects and of enumerations."""
    for name, schema in sorted(document["components"]["schemas"].items()):
        required = set(schema.get("required", []))
        properties = schema.get("properties", {})
        fields = [_field(field, own, field in required) for field, own in properties.items()]
        yield name, schema.get("description", ""), fields, schema.get("enum", [])


def _field(name: str, schema: JsonDict, required: bool) -> Field:
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


def _limits(schema: JsonDict) -> Iterator[str]:
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
