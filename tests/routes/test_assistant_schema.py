"""The document shows every field of an assistant that the API knows, with examples that it takes."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from jsonschema import Draft202012Validator

from app.domain.assistant.field_check import check_fields
from app.domain.assistant.served_fields import ROWS, Fate
from app.domain.assistant.vendor_fields import vendor_field_problems
from app.routes.assistant_examples import ASSISTANT, CALL, EXAMPLES
from app.routes.assistant_schema import REF, SCHEMAS, STAGES
from app.routes.schemas.assistants import Assistant
from app.routes.schemas.calls import CreateCall
from app.vendors import registry

pytestmark = pytest.mark.any_store  # the subject: the API's document


@pytest.fixture(scope="module")
def schemas(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["schemas"]
    return found


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    from tests.routes.conftest import new_app

    with new_app() as app:
        found: dict[str, Any] = app.test_client().get("/openapi.json").json
    return found


def at(schemas: dict[str, Any], schema: dict[str, Any], path: str) -> dict[str, Any]:
    """The schema of the field at this path, references followed."""
    for name in path.split("."):
        shown = next((s for s in schema.get("anyOf", []) if s.get("type") != "null"), schema)
        shown = shown.get("items", shown)
        if "$ref" in shown:
            shown = schemas[shown["$ref"].removeprefix(REF)]
        schema = shown["properties"][name]
    return schema


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_field_is_shown(schemas: dict[str, Any], name: str) -> None:
    for path in ROWS:
        at(schemas, schemas[name], path)


@pytest.mark.parametrize("stage", STAGES)
def test_every_provider_and_its_fields_are_shown(schemas: dict[str, Any], stage: str) -> None:
    shown = schemas[stage.capitalize()]["properties"]
    for name, vendor in registry.VENDORS.items():
        if part := vendor.part(stage):
            assert {name, *vendor.aliases} <= set(shown["provider"]["enum"])
            assert set(part.fields) <= set(shown)


def test_what_has_no_effect_says_so(schemas: dict[str, Any]) -> None:
    shared = ("model.tools.server", "voice.server", "transcriber.server", "voice.fallbackPlan")
    for path, row in ROWS.items():
        if row.fate is Fate.IGNORED and not path.startswith(shared):
            about = at(schemas, schemas["Assistant"], path).get("description", "")
            assert row.why in about, path


@pytest.mark.parametrize("path", EXAMPLES)
def test_an_example_is_of_a_served_field(schemas: dict[str, Any], path: str) -> None:
    shown = at(schemas, schemas["Assistant"], path)
    if "examples" in shown:
        Draft202012Validator(shown).validate(EXAMPLES[path])
    row = ROWS.get(path)
    assert row is None or row.fate in {Fate.SERVED, Fate.MAPPED}


def test_the_examples_are_taken_and_served() -> None:
    Assistant.model_validate(ASSISTANT)
    CreateCall.model_validate(CALL)
    assert [*vendor_field_problems(ASSISTANT)] == []
    assert {each.fate for each in check_fields(ASSISTANT)} <= {Fate.SERVED, Fate.MAPPED}


def test_the_examples_fit_the_document(document: dict[str, Any], schemas: dict[str, Any]) -> None:
    for name, example in (("Assistant", ASSISTANT), ("CreateCall", CALL)):
        assert schemas[name]["examples"] == [example]
        whole = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        Draft202012Validator(whole).validate(example)


def test_the_page_shows_them(app: Flask) -> None:
    page = app.test_client().get("/docs").text
    for word in ("transcriber", "voiceId", "smartFormat", "deepgram"):
        assert word in page
