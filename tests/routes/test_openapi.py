"""The document is valid and complete; the page says the same, and loads nothing from outside."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from flask import Flask, Response
from openapi_spec_validator import OpenAPIV31SpecValidator

from app.routes.docs import ERRORS
from app.routes.operations import IdPath, Operation
from app.routes.schemas.calls import CreateCall
from providers.events import EndedReason
from tests.routes.test_auth import is_api

pytestmark = pytest.mark.any_store  # the subject: the API's document


@pytest.fixture
def document(app: Flask) -> dict[str, Any]:
    found: dict[str, Any] = app.test_client().get("/openapi.json").json
    return found


@pytest.fixture
def page(app: Flask) -> str:
    return app.test_client().get("/docs").text


def test_valid(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


def test_every_route_of_the_api_is_in_it(app: Flask, document: dict[str, Any]) -> None:
    routes = {
        (re.sub(r"<(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        if is_api(app, rule)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert {(path, m) for path, item in document["paths"].items() for m in item} == routes


def test_every_operation_says_who_may(document: dict[str, Any]) -> None:
    schemes = document["components"]["securitySchemes"]
    ids = []
    for item in document["paths"].values():
        for operation in item.values():
            named = {name for choice in operation["security"] for name in choice}
            assert {"bearer", "basic"} <= named <= set(schemes)
            assert "401" in operation["responses"]
            ids.append(operation["operationId"])
    assert len(ids) == len(set(ids))


def test_every_operation_says_what_it_answers(document: dict[str, Any]) -> None:
    for item in document["paths"].values():
        for operation in item.values():
            assert operation["summary"]
            statuses = set(operation["responses"])
            assert len(statuses & {"200", "201", "302"}) == 1, operation["operationId"]
            assert "206" not in statuses or "200" in statuses
            for status in statuses - {"200", "201", "206", "302"}:
                content = operation["responses"][status]["content"]["application/json"]
                assert content["schema"] == {"$ref": "#/components/schemas/Error"}


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    names = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
    assert names == set(document["components"]["schemas"])


def test_a_view_says_its_models_and_its_summary() -> None:
    def view(path: IdPath, body: CreateCall) -> Response:
        """Do it (soon). It takes
        a while."""
        return Response()

    found = Operation("POST", "/thing/<id>", "do", errors=(409,)).of(view)
    assert (found.summary, found.description) == ("Do it (soon)", "It takes a while.")
    assert found.models == {"path": IdPath, "body": CreateCall}
    assert list(found.refusals) == [400, 401, 429, 503, 404, 413, 409]
    assert found.url == "/thing/{id}"


def test_the_call_is_described(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    create = schemas["CreateCall"]["properties"]
    assert set(create) == {field.alias for field in CreateCall.model_fields.values()}
    assert create["maxDurationSeconds"]["anyOf"][0] == {
        "type": "integer",
        "minimum": 10,
        "maximum": 3600,
    }
    assert schemas["EndedReason"]["enum"] == [reason.value for reason in EndedReason]


def test_the_page_names_everything(page: str, document: dict[str, Any]) -> None:
    for path in document["paths"]:
        assert f"<code>{path}</code>" in page
    for name, schema in document["components"]["schemas"].items():
        for field in schema.get("properties", {}):
            assert f"<code>{field}</code>" in page, (name, field)
    for status, _ in ERRORS:
        assert f"<dt>{status}</dt>" in page


def test_the_page_loads_nothing_from_outside(app: Flask, page: str) -> None:
    assert "<script" not in page
    for address in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert address.startswith(("#", "/")), address
        if address.startswith("/"):
            assert app.test_client().get(address).status_code == 200
    assert "url(" not in app.test_client().get("/static/docs.css").text


def test_every_link_within_the_page_leads_somewhere(page: str) -> None:
    anchors = set(re.findall(r'id="([^"]+)"', page))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= anchors


def test_the_page_may_run_nothing(app: Flask) -> None:
    policy = app.test_client().get("/docs").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
