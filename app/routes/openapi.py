"""/openapi.json: the table of operations and pydantic's schemas as one document.

https://spec.openapis.org/oas/v3.1.0
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cache
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from flask import Blueprint, Response, current_app
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from app.routes import assistant_schema
from app.routes.assistant_examples import CALL
from app.routes.auth import require_key_to_docs
from app.routes.operations import Operation, Section
from app.routes.schemas.responses import Error
from providers.common.json_types import JsonDict

REF = "#/components/schemas/"

DESCRIPTION = (
    "A self-hosted, Vapi-compatible phone-call API. In bypass mode a call is not dialled here, but "
    "handed out as what splices an assistant into a call that your own flow owns."
)

SECURITY_SCHEMES: dict[str, dict[str, str]] = {
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

Json = JsonDict

blueprint = Blueprint("openapi", __name__)
blueprint.before_request(require_key_to_docs)


@blueprint.get("/openapi.json")
def document() -> Response:
    return Response(json.dumps(spec(sections())), mimetype="application/json")


def sections() -> tuple[Section, ...]:
    """The sections of the API, in the document's order."""
    return tuple(b for b in current_app.blueprints.values() if isinstance(b, Section))


@cache
def spec(parts: tuple[Section, ...]) -> Json:
    """The OpenAPI 3.1 document."""
    operations = [operation for part in parts for operation in part.operations]
    paths: dict[str, Json] = {operation.url: {} for operation in operations}
    for part in parts:
        for operation in part.operations:
            paths[operation.url][operation.method.lower()] = _operation(part, operation)
    tags = {part.tag: part.about for part in parts}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Patchbay", "description": DESCRIPTION, "version": _version()},
        "paths": paths,
        "components": {"schemas": _components(operations), "securitySchemes": SECURITY_SCHEMES},
        "tags": [{"name": tag, "description": about} for tag, about in tags.items()],
    }


def _components(operations: Iterable[Operation]) -> Json:
    """The schemas of all bodies and responses, and of their parts."""
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = [(Error, "serialization")]
    for operation in operations:
        if body := operation.models.get("body"):
            models.append((body, "validation"))
        if operation.answer:
            models.append((operation.answer, "serialization"))
    _, found = models_json_schema(models, ref_template=REF + "{model}")
    components: Json = _tidy(found["$defs"])
    if "Assistant" in components:  # where the API has calls
        assistant_schema.extend(components)
        components["CreateCall"]["examples"] = [CALL]
    return components


def _operation(part: Section, operation: Operation) -> Json:
    """OpenAPI's operation object. Empty fields are left out."""
    body = operation.models.get("body")
    errors = {str(status): _response(status, _ref(Error)) for status in operation.refusals}
    found = {
        "tags": [part.tag],
        "summary": operation.summary,
        "description": operation.description,
        "operationId": operation.operation_id,
        "parameters": [*_parameters(operation, "path"), *_parameters(operation, "query")],
        "requestBody": operation.request
        or (body and {"content": _json(_ref(body)), "required": True}),
        "responses": {**_successes(operation), **errors},
        "security": part.security,
    }
    return {name: value for name, value in found.items() if value}


def _parameters(operation: Operation, place: str) -> Iterator[Json]:
    """OpenAPI's parameter objects, one for each field of the model."""
    model = operation.models.get(place)
    schema = _tidy(model.model_json_schema(ref_template=REF + "{model}")) if model else {}
    for name, own in schema.get("properties", {}).items():
        required = name in schema.get("required", [])
        about = {"description": own["description"]} if "description" in own else {}
        yield {"name": name, "in": place, "required": required, "schema": own, **about}


def _successes(operation: Operation) -> Json:
    statuses = (operation.status, *operation.also)
    return {str(status): _success(operation, status) for status in statuses}


def _success(operation: Operation, status: int) -> Json:
    if operation.response:
        return {"description": HTTPStatus(status).phrase, **operation.response}
    one = _ref(operation.answer) if operation.answer else {"type": "object"}
    return _response(status, {"type": "array", "items": one} if operation.many else one)


def _response(status: int, schema: Json) -> Json:
    return {"description": HTTPStatus(status).phrase, "content": _json(schema)}


def _json(schema: Json) -> Json:
    return {"application/json": {"schema": schema}}


def _ref(model: type[BaseModel]) -> Json:
    return {"$ref": REF + model.__name__}


def _tidy(node: Any) -> Any:
    """Remove what pydantic adds for its own purposes: titles made of names, defaults of null."""
    if isinstance(node, list):
        return [_tidy(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        name: _tidy(item)
        for name, item in node.items()
        if not ((name == "title" and isinstance(item, str)) or (name == "default" and item is None))
    }


def _version() -> str:
    try:
        return version("patchbay")
    except PackageNotFoundError:  # run from a checkout
        return "0"
