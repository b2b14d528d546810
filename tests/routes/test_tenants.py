"""One organisation's objects do not exist for another: every route that takes an id, every list."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.dashboard.pages import PAGES
from tests.dashboard.pages import csrf_of, enter
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

SERVER = {"server": {"url": "https://x.example/", "credentialId": "ID"}}
TOOLS = {"model": {"provider": "openai", "model": "gpt-4o", "toolIds": ["ID"]}}
TALKS = {"mode": "warm-transfer-experimental", "transferAssistant": SERVER}
PLACES = [{"type": "number", "number": "+14155550188", "transferPlan": TALKS}]
INNER = [
    ("/assistant", "tool", TOOLS),
    (
        "/assistant",
        "tool",
        {"hooks": [{"on": "call.ending", "do": [{"type": "tool", "toolId": "ID"}]}]},
    ),
    ("/assistant", "credential", SERVER),
    ("/tool", "credential", {"type": "transferCall", "destinations": PLACES}),
    ("/squad", "assistant", {"members": [{"assistantId": "ID"}]}),
    ("/squad", "tool", {"members": [{"assistant": {}, "assistantOverrides": TOOLS}]}),
    (
        "/tool",
        "file",
        {"type": "query", "knowledgeBases": [{"provider": "google", "fileIds": ["ID"]}]},
    ),
    ("/phone-number", "credential", TWILIO_NUMBER | {"number": "+14155550155"} | SERVER),
]
"""(path, kind, body in which an object of the kind is named by ``ID``)."""


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


@pytest.mark.parametrize(("path", "kind", "body"), INNER)
def test_nor_can_what_is_deep_in_them(
    api: Api, theirs: dict[str, str], path: str, kind: str, body: dict[str, Any]
) -> None:
    named, unknown = (
        json.loads(json.dumps(body).replace('"ID"', f'"{each}"'))
        for each in (theirs[kind], UNKNOWN)
    )
    foreign, absent = (str(refused(api.post(path, each))) for each in (named, unknown))
    assert theirs[kind] in foreign
    assert foreign.replace(theirs[kind], UNKNOWN) == absent


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


def test_a_message_is_reached_by_its_own_call_only(api: Api, theirs: dict[str, str]) -> None:
    own = api.call(assistant={"serverUrl": "http://127.0.0.1:9/"})["id"]
    path = f"/call/{own}/messages/{{}}/resend"
    answers = [api.post(path.format(each)) for each in (theirs["message"], UNKNOWN)]
    foreign, absent = (refused(each, 404) for each in answers)
    assert foreign.replace(theirs["message"], UNKNOWN) == absent


HOLDERS = {
    "assistant_id": "assistant",
    "call_id": "call",
    "credential_id": "credential",
    "key_id": "key",
    "message_id": "message",
    "number_id": "phone-number",
}
"""What a path of the dashboard names -> its kind."""
UNKNOWNS = dict.fromkeys(HOLDERS.values(), UNKNOWN)


def pages(ids: dict[str, str]) -> list[tuple[str, str]]:
    """(method, path) of every page of the dashboard that takes an id."""
    found = []
    for page in PAGES:
        path = page.path
        for name, kind in HOLDERS.items():
            path = path.replace(f"<{name}>", ids[kind])
        found += [(method, path) for method in page.methods if path != page.path]
    return found


def told_by_pages(app: Flask, api: Api, ids: dict[str, str], own: dict[str, str]) -> list[str]:
    """Each page that is another one for ``ids`` than for ids that are not there. ``own`` are there."""
    browser = app.test_client()
    assert enter(browser, str(api.key)).status_code == 303
    form = {"csrf": csrf_of(browser), "action": "end"}
    absent, told = UNKNOWNS | own, list[str]()
    for (method, path), (_, same) in zip(pages(ids), pages(absent), strict=True):
        if path == same:
            continue
        data = form if method == "POST" else None
        foreign, unknown = (
            browser.open(f"/dashboard{each}", method=method, data=data) for each in (path, same)
        )
        codes = foreign.status_code, unknown.status_code
        texts = {_without_ids(each.text, ids | absent) for each in (foreign, unknown)}
        if codes != (404, 404) or len(texts) > 1:
            told.append(f"{method} {path}: {codes}")
    return told


@pytest.mark.parametrize("own_call", [False, True])
def test_the_dashboard_has_pages_of_ones_own_objects(
    app: Flask, api: Api, other: Api, theirs: dict[str, str], own_call: bool
) -> None:
    """A page of another's object, or a button on it, is what it is for an id that is not there."""
    kinds = sorted(set(HOLDERS.values()) - {"key", "message"})
    before = [other.get(f"/{kind}/{theirs[kind]}").json for kind in kinds]
    own = {"call": api.call()["id"]} if own_call else {}  # of it only the message is another's
    ids = {**theirs, "key": other.org_id, **own}
    assert len(pages(ids)) >= 20
    assert told_by_pages(app, api, ids, own) == []
    assert [other.get(f"/{kind}/{theirs[kind]}").json for kind in kinds] == before
    assert other.get("/call").status_code == 200  # its key is not revoked


def _without_ids(text: str, ids: dict[str, str]) -> str:
    for each in ids.values():
        text = text.replace(each, UNKNOWN)
    return text
