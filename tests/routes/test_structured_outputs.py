"""/structured-output: stored, listed by pages, and refused where nothing could be extracted."""

from __future__ import annotations

from typing import Any

import pytest

from tests.routes.api import UNKNOWN, Api, refused

ONE: dict[str, Any] = {
    "name": "Caller",
    "schema": {"type": "object", "properties": {"name": {"type": "string"}}},
    "conditions": [{"type": "minMessages", "count": 4}],
    "assistantIds": [UNKNOWN],
    "model": {"provider": "openai", "model": "gpt-4.1", "temperature": 0},
}


def test_one_is_made_read_changed_and_deleted(api: Api) -> None:
    made = api.made("/structured-output", ONE)
    assert {name: made[name] for name in ONE} == ONE
    path = f"/structured-output/{made['id']}"
    changed = api.patch(f"{path}?schemaOverride=true", {"conditions": None, "name": "Who"}).json
    assert changed["name"] == "Who"
    assert "conditions" not in changed
    assert api.get(path).json == changed
    assert api.delete(path).json == changed
    assert api.get(path).status_code == 404


def test_they_are_listed_by_pages(api: Api) -> None:
    for name in ("first", "second", "third"):
        api.made("/structured-output", {**ONE, "name": name})
    page = api.get("/structured-output", limit=2, page=2, sortOrder="ASC").json
    assert [each["name"] for each in page["results"]] == ["third"]
    assert page["metadata"]["totalItems"] == 3
    found = api.get("/structured-output", name="seco").json["results"]
    assert [each["name"] for each in found] == ["second"]


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"schema": {"type": "nothing"}}, "schema is no JSON Schema"),
        ({"type": "regex"}, "regex should not be empty with type `regex`"),
        ({"type": "regex", "regex": "(a"}, "regex is no regular expression"),
        (
            {"conditions": [{"type": "other"}]},
            "conditions must be one of the following values: minMessages, minCallDuration",
        ),
        ({"name": None}, "name"),
        ({"workflowIds": [UNKNOWN]}, "workflowIds"),
    ],
)
def test_what_could_never_be_extracted_is_refused(api: Api, fields: Any, text: str) -> None:
    assert text in str(refused(api.post("/structured-output", {**ONE, **fields})))


@pytest.mark.parametrize(
    ("plan", "text"),
    [
        ({"structuredOutputs": [{"name": "x"}]}, "structuredOutputs.0.schema should not be empty"),
        ({"structuredOutputIds": [UNKNOWN] * 21}, "no more than 20"),
    ],
)
def test_an_assistants_own_are_judged_too(api: Api, plan: Any, text: str) -> None:
    assistant = {"name": "A", "artifactPlan": plan}
    assert text in str(refused(api.post("/assistant", assistant)))
