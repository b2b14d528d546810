"""/assistant and /customer: kept as sent, changed field by field, secrets sealed."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask

from app.store.resources import get as get_row
from app.store.schema import assistants
from tests.routes.api import UNKNOWN, Api, refused

SECRET = "c4n4ry-of-an-assistant"
OWN = {"id", "orgId", "createdAt", "updatedAt"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

FULL: dict[str, Any] = {
    "name": "Reception",
    "firstMessage": "Hello.",
    "maxDurationSeconds": 43200,
    "model": {"provider": "openai", "messages": [{"role": "system", "content": "\u2603"}]},
    "serverMessages": ["end-of-call-report"],
    "voicemailDetection": "off",
    "transport": {"provider": "echo"},
    "anything": {"else": [1, 2.5, None, True]},
}


def stored(app: Flask, api: Api, id: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """(what lies open in the store, what lies sealed)."""
    services = app.extensions["patchbay"]
    with services.store.read() as conn:
        row = get_row(conn, assistants, api.org_id, id)
    assert row is not None
    return row["body"], services.vault.open(row["secret"])


def test_every_field_comes_back(api: Api) -> None:
    made = api.made("/assistant", FULL)
    assert {k: v for k, v in made.items() if k not in OWN} == FULL
    assert made["orgId"] == api.org_id
    assert TIME.fullmatch(made["createdAt"])
    assert made["createdAt"] == made["updatedAt"]
    assert api.get(f"/assistant/{made['id']}").json == made


def test_list_is_an_array_newest_first(api: Api) -> None:
    ids = [api.made("/assistant", {"name": str(n)})["id"] for n in range(3)]
    assert [made["id"] for made in api.get("/assistant").json] == ids[::-1]
    assert [made["id"] for made in api.get("/assistant", limit=2).json] == ids[:0:-1]
    assert api.get("/assistant", createdAtGt="2100-01-01T00:00:00Z").json == []


def test_patch_replaces_and_null_removes(api: Api) -> None:
    path = f"/assistant/{api.made('/assistant', FULL)['id']}"
    answer = api.patch(path, {"name": None, "model": {"provider": "groq"}, "more": 1})
    assert answer.status_code == 200
    expected = {**FULL, "model": {"provider": "groq"}, "more": 1}
    del expected["name"]
    assert {k: v for k, v in answer.json.items() if k not in OWN} == expected
    assert api.get(path).json == answer.json


def test_put_replaces_all(api: Api) -> None:
    made = api.made("/assistant", FULL)
    answer = api.put(f"/assistant/{made['id']}", {**made, "name": "New", "model": None})
    assert answer.json["name"] == "New"
    assert "model" not in answer.json
    assert answer.json["createdAt"] == made["createdAt"]
    assert set(api.put(f"/assistant/{made['id']}", {}).json) == OWN


def test_delete_answers_what_it_was(api: Api) -> None:
    made = api.made("/assistant", FULL)
    path = f"/assistant/{made['id']}"
    assert api.delete(path).json == made
    message = f"Couldn't Find Assistant. `{made['id']}` Does Not Exist."
    assert refused(api.get(path), 404) == message
    assert refused(api.delete(path, {}), 404) == message


@pytest.fixture
def secretive(api: Api) -> dict[str, Any]:
    return api.made(
        "/assistant",
        {
            "serverUrl": "https://example.com/old",
            "serverUrlSecret": SECRET,
            "server": {
                "url": "https://example.com/new",
                "secret": SECRET,
                "headers": {"X-Key": SECRET},
                "timeoutSeconds": 5,
            },
        },
    )


def test_secrets_are_sealed_and_not_shown(app: Flask, api: Api, secretive: dict[str, Any]) -> None:
    assert secretive["serverUrl"] == "https://example.com/old"
    assert secretive["server"] == {"url": "https://example.com/new", "timeoutSeconds": 5}
    assert SECRET not in api.get("/assistant").text
    public, sealed = stored(app, api, secretive["id"])
    assert SECRET not in str(public)
    assert sealed["serverUrlSecret"] == sealed["server"]["secret"] == SECRET
    assert sealed["server"]["headers"] == {"X-Key": SECRET}


PATCHES: list[tuple[dict[str, Any], str | None, str | None]] = [
    # a client that sends back what it was shown loses nothing
    ({"server": {"url": "https://example.com/other"}}, SECRET, SECRET),
    ({"name": "x"}, SECRET, SECRET),
    ({"serverUrlSecret": "new"}, "new", SECRET),
    ({"server": {"url": "https://example.com/", "secret": "new"}}, SECRET, "new"),
    ({"server": {"url": "https://example.com/", "secret": None}}, SECRET, None),
    ({"serverUrlSecret": None, "server": None}, None, None),
]


@pytest.mark.parametrize(("body", "flat", "nested"), PATCHES)
def test_patched_secrets(
    app: Flask,
    api: Api,
    secretive: dict[str, Any],
    body: dict[str, Any],
    flat: str | None,
    nested: str | None,
) -> None:
    assert api.patch(f"/assistant/{secretive['id']}", body).status_code == 200
    _, sealed = stored(app, api, secretive["id"])
    assert sealed.get("serverUrlSecret") == flat
    assert sealed.get("server", {}).get("secret") == nested


def test_put_drops_secrets(app: Flask, api: Api, secretive: dict[str, Any]) -> None:
    api.put(f"/assistant/{secretive['id']}", {"server": {"url": "https://example.com/"}})
    assert stored(app, api, secretive["id"])[1] == {}


def test_customer(api: Api) -> None:
    body = {"number": "+14155550111", "name": "Ada", "externalId": "7"}
    made = api.made("/customer", body)
    assert {k: v for k, v in made.items() if k not in OWN} == body
    changed = api.patch(f"/customer/{made['id']}", {"name": None, "extension": "12"}).json
    assert {k: v for k, v in changed.items() if k not in OWN} == {
        "number": "+14155550111",
        "externalId": "7",
        "extension": "12",
    }
    call = api.call(customer=None, customerId=made["id"])
    assert call["phoneCallProviderDetails"]["to"] == "+14155550111"


def test_unknown_customer_in_a_call(api: Api) -> None:
    number = api.call()["phoneNumberId"]
    body = {"phoneCallProviderBypassEnabled": True, "phoneNumberId": number, "assistant": {}}
    answer = api.post("/call", {**body, "customerId": UNKNOWN})
    assert refused(answer) == f"Couldn't Get Customer. `customerId` {UNKNOWN} Does Not Exist."


def test_a_template_that_cannot_be_parsed_is_told(api: Api) -> None:
    good = api.post("/assistant", {"firstMessage": "Hello {{name}}."})
    assert "Warning" not in good.headers
    made = api.post("/assistant", {"firstMessage": 'Hello {{first "name}}.'})
    assert made.status_code == 201
    (told,) = made.headers.getlist("Warning")
    assert told.startswith('299 - "firstMessage has a template that cannot be parsed')
    assert told.isascii()
    path = f"/assistant/{made.json['id']}"
    changed = api.patch(path, {"voicemailMessage": "{{ x | nofilter }}"})
    (told,) = changed.headers.getlist("Warning")
    assert "voicemailMessage has a filter that does not exist: nofilter" in told
