"""What a route answers is what the OpenAPI document says of it, and a path has its own methods only."""

from __future__ import annotations

import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from app.routes.json_body import MAX_BYTES
from tests.routes.api import UNKNOWN, Api

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
VARIABLE = re.compile(r"\{\w+\}")


@pytest.fixture(scope="module")
def api(entry: Api) -> Api:
    return entry


@pytest.fixture(scope="module")
def document(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = api.get("/openapi.json").json
    return found


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method.upper(), path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]


def requests(method: str, path: str, operation: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Requests that cannot succeed, and some that can."""
    url, known = VARIABLE.sub("xyz", path), VARIABLE.sub(UNKNOWN, path)
    found: list[tuple[str, dict[str, Any]]] = [
        (url, {}),
        (known, {}),
        (f"{known}?limit=x&expires=y&token={'t' * 201}", {}),
        (known, {"headers": {"Authorization": "Bearer of nobody"}}),
    ]
    if operation.get("requestBody"):
        found += [(known, {"json": {}}), (known, {"json": []}), (known, {"data": b"{"})]
        found += [(known, {"data": b" " * (MAX_BYTES + 1), "content_type": "application/json"})]
    return found


def test_every_answer_is_declared(api: Api, document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        for url, options in requests(method, path, operation):
            answer = api.request(method, url, **options)
            declared = operation["responses"].get(str(answer.status_code))
            assert declared, f"{method} {url} {list(options)}: {answer.status_code} {answer.text}"
            schema = declared["content"]["application/json"]["schema"]
            whole = {**schema, "components": document["components"]}
            Draft202012Validator(whole).validate(answer.json)


def test_a_path_of_its_own_has_no_methods_of_another(api: Api, document: dict[str, Any]) -> None:
    """``PATCH /call/phone`` changes no call with the id ``phone``."""
    for path, item in document["paths"].items():
        if not VARIABLE.search(path):
            for method in {*METHODS} - {name.upper() for name in item}:
                answer = api.request(method, path, {})
                assert answer.status_code == 405, f"{method} {path}: {answer.text}"
                allowed = {*answer.headers["Allow"].split(", ")} - {"HEAD", "OPTIONS"}
                assert allowed == {name.upper() for name in item}
