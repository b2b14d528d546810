"""What a kind of object cannot be without, a change cannot take from it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.routes.api import VONAGE_CREDENTIAL, Api

BODIES: dict[str, dict[str, Any]] = {
    "credential": VONAGE_CREDENTIAL,
    "squad": {"members": [{"assistant": {"name": "Reception"}}]},
    "structured-output": {"name": "Booking", "schema": {"type": "object"}},
    "tool": {"type": "function", "function": {"name": "book"}},
}
"""A body with what is needed, by the path of its kind."""


def needed(api: Api) -> dict[str, list[str]]:
    """What a creation needs, by the path of each kind that can be changed."""
    document = api.get("/openapi.json").json
    paths, schemas = document["paths"], document["components"]["schemas"]
    found = {}
    for path, methods in paths.items():
        kind = path.strip("/").split("/")[0]
        if path == f"/{kind}/{{id}}" and "patch" in methods:
            created = paths[f"/{kind}"]["post"]["requestBody"]["content"].get("application/json")
            name = created["schema"]["$ref"].rsplit("/", 1)[-1] if created else ""
            if required := schemas.get(name, {}).get("required"):
                found[kind] = required
    return found


def test_the_kinds_are_those_of_the_document(api: Api) -> None:
    assert {kind: [*names] for kind, names in needed(api).items()} == {
        "credential": ["provider"],
        "squad": ["members"],
        "structured-output": ["name", "schema"],
        "tool": ["type"],
    }


@pytest.mark.parametrize("kind", BODIES)
def test_null_does_not_take_it_away(api: Api, kind: str) -> None:
    made = api.made(f"/{kind}", BODIES[kind])
    for name in needed(api)[kind]:
        answer = api.patch(f"/{kind}/{made['id']}", {name: None})
        assert answer.status_code == 400, name
        assert answer.json["message"][0].startswith(f"{name} must be "), answer.text
    assert api.get(f"/{kind}/{made['id']}").json == made
