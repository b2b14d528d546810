"""One organisation's objects do not exist for another: every route that takes an id, every list."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.routes.api import TWILIO_NUMBER, UNKNOWN, VONAGE_CREDENTIAL, Api, refused
from tests.routes.recorded import kept

BODIES = {"control": {"type": "end-call"}}
"""By the rule's last word; all other bodies may be empty."""

REFERENCES = [
    ("/call", "assistantId", "assistant", {"phoneNumberId": "own"}),
    ("/call", "squadId", "squad", {"phoneNumberId": "own"}),
    ("/call", "customerId", "customer", {"phoneNumberId": "own", "assistant": {}}),
    ("/call", "phoneNumberId", "phone-number", {"assistant": {}}),
    ("/phone-number", "assistantId", "assistant", TWILIO_NUMBER | {"number": "+14155550155"}),
    ("/phone-number", "squadId", "squad", TWILIO_NUMBER | {"number": "+14155550155"}),
    ("/phone-number", "credentialId", "credential", {"number": "+447700900155"}),
]
"""(path, field, kind of the object it names, what else the body needs)."""


@pytest.fixture
def theirs(app: Flask, other: Api, tmp_path: Path) -> dict[str, str]:
    return objects(app, other, tmp_path)


def objects(app: Flask, other: Api, place: Path) -> dict[str, str]:
    """One object of each kind, by the first word of its path."""
    call = other.call(assistant={"serverUrl": "http://127.0.0.1:9/"})
    return {
        "call": call["id"],
        "assistant": other.made("/assistant", {})["id"],
        "squad": other.made("/squad", {"members": [{"assistant": {}}]})["id"],
        "tool": other.made("/tool", {"type": "endCall"})["id"],
        "customer": other.made("/customer", {"number": "+14155550111"})["id"],
        "phone-number": call["phoneNumberId"],
        "credential": other.made("/credential", VONAGE_CREDENTIAL)["id"],
        "structured-output": other.made("/structured-output", {"name": "x", "schema": {}})["id"],
        "file": other.post("/file", data={"file": (BytesIO(b"x"), "x.txt")}).json["id"],
        "recording": kept(app.extensions["patchbay"], call, place),
        "message": other.get(f"/call/{call['id']}/messages").json[0]["id"],
    }


def listed(org: Api, kind: str) -> list[Any]:
    """Its objects. ``/structured-output`` has them in numbered pages, with their number."""
    answer = org.get(f"/{kind}").json
    found: list[Any] = answer["results"] if isinstance(answer, dict) else answer
    return found


def requests(app: Flask, ids: dict[str, str]) -> list[tuple[str, str, dict[str, str]]]:
    """(method, path, body) of every route of the API that takes an id."""
    found = []
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith(("hook ", "upstream.")) or "id" not in rule.arguments:
            continue  # or its requests have the call's token, and no key
        words = rule.rule.strip("/").split("/")
        path = rule.rule.replace("<id>", ids[words[0]]).replace("<messageId>", ids["message"])
        methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        found += [(method, path, BODIES.get(words[-1], {})) for method in methods]
    return found


def test_every_route_answers_as_if_it_did_not_exist(
    app: Flask, api: Api, theirs: dict[str, str]
) -> None:
    tried = requests(app, theirs)
    assert len(tried) >= 20
    unknown = dict.fromkeys(theirs, UNKNOWN)
    for (method, path, body), (_, same, _) in zip(tried, requests(app, unknown), strict=True):
        foreign = refused(api.request(method, path, body), 404)
        absent = refused(api.request(method, same, body), 404)
        own = path.split("/")[2]
        assert foreign.replace(own, UNKNOWN) == absent, (method, path)


def test_nothing_was_changed_by_trying(
    app: Flask, api: Api, other: Api, theirs: dict[str, str]
) -> None:
    kinds = [kind for kind in theirs if kind != "message"]
    before = [other.get(f"/{kind}/{theirs[kind]}").json for kind in kinds]
    for method, path, body in requests(app, theirs):
        api.request(method, path, body)
    assert [other.get(f"/{kind}/{theirs[kind]}").json for kind in kinds] == before


def test_lists_show_own_objects_only(app: Flask, api: Api, theirs: dict[str, str]) -> None:
    for kind in theirs.keys() - {"message", "recording"}:
        assert listed(api, kind) == []
    assert api.get("/call", id=theirs["call"]).json == []
    assert api.get("/call", phoneNumberId=theirs["phone-number"]).json == []


@pytest.mark.parametrize(("path", "field", "kind", "rest"), REFERENCES)
def test_bodies_cannot_name_them(
    api: Api, theirs: dict[str, str], path: str, field: str, kind: str, rest: dict[str, str]
) -> None:
    own = api.made("/phone-number", TWILIO_NUMBER)["id"]
    body = {k: own if v == "own" else v for k, v in rest.items()} | {field: theirs[kind]}
    if path == "/call":
        body |= {"phoneCallProviderBypassEnabled": True}
    if field == "credentialId":
        body |= {"provider": "vonage"}
    assert f"`{field}` {theirs[kind]} Does Not Exist." in refused(api.post(path, body))


def test_an_account_is_not_shared(api: Api, other: Api) -> None:
    """The same account in two organisations: each stands on its own credential."""
    theirs = other.made("/phone-number", TWILIO_NUMBER)
    named = {k: v for k, v in TWILIO_NUMBER.items() if k != "twilioAuthToken"}
    assert "Couldn't Get Credential" in refused(api.post("/phone-number", named))
    assert api.made("/phone-number", TWILIO_NUMBER)["credentialId"] != theirs["credentialId"]


def test_numbers_are_of_ones_own_calls(api: Api, other: Api) -> None:
    other.call()
    count = {"operation": "count", "column": "id"}
    query = {"table": "call", "name": "calls", "operations": [count]}
    for asking, expected in ((api, 0), (other, 1)):
        [answer] = asking.post("/analytics", {"queries": [query]}).json
        assert answer["result"] == [{"countId": expected}]
