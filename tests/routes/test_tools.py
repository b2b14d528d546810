"""/tool: kept as sent, secrets sealed; and the assistants and calls that name tools by id."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from app.domain.assistant.tool_types import KNOWN
from app.store.resources import get as get_row
from app.store.schema import tools
from tests.routes.api import UNKNOWN, Api, refused

SECRET = "c4n4ry-of-a-tool"
OWN = {"id", "orgId", "createdAt", "updatedAt"}
BOOK: dict[str, Any] = {
    "type": "function",
    "async": False,
    "function": {"name": "book", "parameters": {"type": "object", "properties": {}}},
    "server": {"url": "https://tools.example/book", "timeoutSeconds": 10},
    "messages": [{"type": "request-start", "content": "One moment."}],
}
ORDERS: dict[str, Any] = {
    "type": "apiRequest",
    "name": "orders",
    "method": "GET",
    "url": "https://api.example/orders/{{ order id }}?of={{customer.number}}",
}


def test_every_field_comes_back(api: Api) -> None:
    made = api.made("/tool", BOOK)
    assert {k: v for k, v in made.items() if k not in OWN} == BOOK
    assert made["orgId"] == api.org_id
    assert api.get(f"/tool/{made['id']}").json == made
    assert [each["id"] for each in api.get("/tool").json] == [made["id"]]


def test_patch_and_delete(api: Api) -> None:
    made = api.made("/tool", BOOK)
    path = f"/tool/{made['id']}"
    # as a client that sends back what it read
    changed = api.patch(path, {**made, "async": True, "messages": None}).json
    expected = {**BOOK, "async": True}
    del expected["messages"]
    assert {k: v for k, v in changed.items() if k not in OWN} == expected
    assert api.delete(path).json == changed
    assert refused(api.get(path), 404) == f"Couldn't Find Tool. `{made['id']}` Does Not Exist."


def test_secrets_are_sealed_and_kept(app: Flask, api: Api) -> None:
    header = {"type": "object", "properties": {"x-key": {"type": "string", "value": SECRET}}}
    given = {**ORDERS, "headers": header, "server": {"url": "https://t.example", "secret": SECRET}}
    made = api.made("/tool", given)
    path = f"/tool/{made['id']}"
    assert SECRET not in api.get(path).text
    assert SECRET not in api.patch(path, {"name": "more"}).text
    services = app.extensions["patchbay"]
    with services.store.read() as conn:
        row = get_row(conn, tools, api.org_id, made["id"])
    assert row is not None
    assert SECRET not in str(row["body"])
    sealed = services.vault.open(row["secret"])
    assert sealed == {"headers": header, "server": {"secret": SECRET}}


@pytest.mark.parametrize("kind", sorted(KNOWN))
def test_every_type_of_vapis_is_kept(entry: Api, kind: str) -> None:
    assert entry.made("/tool", {"type": kind})["type"] == kind


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "type should not be empty"),
        ({"type": "functoin"}, "type must be one of the following values: apiRequest"),
        ({**ORDERS, "url": "ftp://api.example"}, "url"),
        ({**ORDERS, "url": "{{anywhere}}"}, "url"),
        ({**ORDERS, "method": "FETCH"}, "method must be one of the following values"),
        ({**ORDERS, "name": "the orders"}, "name"),
        ({**BOOK, "server": {"url": "https://a.example", "secret": "\n"}}, "server.secret "),
    ],
)
def test_a_tool_that_cannot_work_is_refused(entry: Api, body: dict[str, Any], words: str) -> None:
    assert words in str(refused(entry.post("/tool", body), 400))


def test_another_organisations_tool_is_unknown(api: Api, other: Api) -> None:
    made = api.made("/tool", BOOK)
    assert refused(other.get(f"/tool/{made['id']}"), 404)
    body = {"model": {"provider": "openai", "toolIds": [made["id"]]}}
    assert made["id"] in str(refused(other.post("/assistant", body), 400))
    assert api.made("/assistant", body)["model"]["toolIds"] == [made["id"]]


@pytest.mark.parametrize("id", [UNKNOWN, "no uuid", 7])
def test_an_assistant_with_an_unknown_tool_is_refused(entry: Api, id: Any) -> None:
    assistant = {"model": {"provider": "openai", "toolIds": [id]}}
    text = f"Couldn't Get Tool. `model.toolIds` {id} Does Not Exist."
    assert refused(entry.post("/assistant", assistant), 400) == text
    made = entry.made("/assistant", {"name": "a"})
    assert refused(entry.patch(f"/assistant/{made['id']}", assistant), 400) == text
    assert "model" not in entry.get(f"/assistant/{made['id']}").json
