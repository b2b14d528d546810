"""The pages about assistants: the list, the form and the JSON, the check, and what may be done by whom."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.domain.dashboard.assistants import form
from app.store import accounts
from app.store.resources import Window
from app.wiring import Services
from bench.dashboard import ORG
from tests.dashboard.pages import csrf_of
from tests.domain.dashboard.assistants_json import FULL, ODD
from tests.domain.dashboard.rows import ANOTHER_ORG

LIST = "/dashboard/assistants"
MENU: dict[str, Any] = {"name": "Menu", "model": {"provider": "embedded"}, "metadata": {"own": 1}}
UNKNOWN = "99999999-9999-4999-8999-999999999999"
UNKNOWN_TOOL = FULL["model"]["toolIds"][0]


def keep(services: Services, assistant: dict[str, Any]) -> str:
    return str(services.resources.assistants.create(ORG, assistant)["id"])


def public(services: Services, id: str) -> dict[str, Any]:
    found = services.resources.assistants.get(ORG, id)
    return {k: v for k, v in found.items() if k not in {"id", "orgId", "createdAt", "updatedAt"}}


def whole(services: Services, id: str) -> dict[str, Any]:
    """With its secrets."""
    assistants = services.resources.assistants
    with services.store.read() as conn:
        return assistants.full(assistants.row(conn, ORG, id))


@pytest.fixture
def assistant(services: Services) -> Iterator[str]:
    """The id of a keypad menu with a secret."""
    made = keep(services, {**MENU, "server": {"url": "https://example.com", "secret": "s3cret"}})
    yield made
    for each in services.resources.assistants.list(ORG, Window(limit=1000)):
        services.resources.assistants.delete(ORG, each["id"])


def inputs(client: FlaskClient, path: str, view: str = "form", **changes: Any) -> dict[str, Any]:
    """What a browser would send of the page, with changes to some inputs."""
    page = client.get(f"{path}?view={view}").text
    csrf = re.search(r'name="csrf" value="([^"]+)"', page)
    assert csrf
    found: dict[str, Any] = {"csrf": csrf[1], "view": view, "read_at": read_at(page)}
    if view == "json":
        found["json"] = re.search(r'<textarea id="json"[^>]*>\n(.*?)</textarea>', page, re.DOTALL)[
            1
        ]  # type: ignore[index]
        found["json"] = _plain(found["json"])
    else:
        base = re.search(r'name="json" value="([^"]*)"', page)
        assert base
        found["json"] = _plain(base[1])
        shown = form.values(json.loads(found["json"]))
        found |= {name: list(texts) for name, texts in shown.items() if texts}
    return {**found, **{name.replace("__", "."): value for name, value in changes.items()}}


def _plain(text: str) -> str:
    for code, char in (
        ("&#34;", '"'),
        ("&#39;", "'"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&amp;", "&"),
    ):
        text = text.replace(code, char)
    return text


def read_at(page: str) -> str:
    found = re.search(r'name="read_at" value="([^"]*)"', page)
    assert found
    return found[1]


# -- the list


def test_an_empty_list_says_what_to_do(browser: FlaskClient, onlooker: FlaskClient) -> None:
    assert "Make the first assistant" in browser.get(LIST).text
    page = onlooker.get(LIST).text
    assert "Make the first assistant" not in page
    assert "Sign in with an API key" in page


def test_the_list(browser: FlaskClient, services: Services, assistant: str) -> None:
    keep(services, {"name": "Talker", "model": {"provider": "openai", "model": "gpt-4o"}})
    keep(
        services, {"name": "Echo", "transport": {"provider": "echo"}, "observabilityPlan": {"a": 1}}
    )
    page = browser.get(LIST).text
    assert "3 assistants, newest first" in page
    assert "openai gpt-4o" in page
    assert "calls fail" in page  # there is no key
    assert "echo answers, without model and voice" in page
    assert "1 without effect" in page
    assert "all served" in page
    found = browser.get(f"{LIST}?q=talk").text
    assert "1 assistant found" in found
    assert "No assistant fits" in browser.get(f"{LIST}?q=nothing").text
    assert browser.get(f"{LIST}?page=x").status_code == 200


def test_its_calls_are_counted_and_found(
    browser: FlaskClient, services: Services, assistant: str
) -> None:
    services.calls.create(ORG, {"type": "webCall", "assistantId": assistant})
    page = browser.get(LIST).text
    assert f'<a href="/dashboard/calls?assistant={assistant}">1</a>' in page
    calls = browser.get(f"/dashboard/calls?assistant={assistant}").text
    assert "1 calls found" in calls
    assert "of one assistant" not in browser.get("/dashboard/calls").text


def test_many_are_listed_by_pages(browser: FlaskClient, services: Services, assistant: str) -> None:
    for number in range(25):
        keep(services, {"name": f"number {number}"})
    assert "Page 1 of 2" in browser.get(LIST).text
    assert "Menu" in browser.get(f"{LIST}?page=2").text


# -- the form


def test_a_new_one_is_a_menu_where_no_model_has_a_key(browser: FlaskClient) -> None:
    page = browser.get(f"{LIST}/new").text
    assert '<option value="embedded" selected>embedded (a keypad menu, no key)' in page
    assert "openai (needs a key)" in page
    assert "are served" in page


def test_it_is_saved(browser: FlaskClient, services: Services, assistant: str) -> None:
    sent = inputs(browser, f"{LIST}/new", name="Shop", model__temperature="0.3")
    answer = browser.post(f"{LIST}/new", data=sent)
    assert answer.status_code == 303
    made = answer.headers["Location"].rpartition("/")[2]
    saved = public(services, made)
    assert saved["name"] == "Shop"
    assert saved["model"] == {"provider": "embedded", "temperature": 0.3}
    page = browser.get(answer.headers["Location"]).text
    assert "Saved." in page
    assert "<h1>Shop</h1>" in page


def test_saving_what_was_opened_changes_nothing(
    browser: FlaskClient, services: Services, assistant: str
) -> None:
    path, before = f"{LIST}/{assistant}", whole(services, assistant)
    for view in ("form", "json"):
        assert browser.post(path, data=inputs(browser, path, view)).status_code == 303
        assert whole(services, assistant) == before


def test_a_whole_assistant_survives_the_form(
    browser: FlaskClient, services: Services, assistant: str
) -> None:
    given = json.loads(json.dumps(FULL))
    given["model"].pop("toolIds")
    given["model"]["tools"][0]["server"]["secret"] = "of the tool"
    made = keep(services, given)
    path = f"{LIST}/{made}"
    answer = browser.post(path, data=inputs(browser, path, endCallMessage="Bye."))
    assert answer.status_code == 303
    assert whole(services, made) == {**given, "endCallMessage": "Bye."}


def test_each_view_keeps_what_was_edited_in_the_other(
    browser: FlaskClient, services: Services, assistant: str
) -> None:
    path = f"{LIST}/{assistant}"
    answer = browser.post(path, data=inputs(browser, path, name="Other", do="json"))
    assert answer.status_code == 200
    text = re.search(r'<textarea id="json"[^>]*>\n(.*?)</textarea>', answer.text, re.DOTALL)
    assert text
    edited = json.loads(_plain(text[1]))
    assert edited == {**public(services, assistant), "name": "Other"}
    edited["hooks"] = []
    sent = {
        "view": "json",
        "json": json.dumps(edited),
        "do": "form",
        "csrf": csrf_of(browser, LIST),
    }
    page = browser.post(path, data={**sent, "read_at": read_at(answer.text)}).text
    assert 'name="name" type="text" value="Other"' in page
    assert "&#34;hooks&#34;: []" in page
    assert public(services, assistant)["name"] == "Menu"  # nothing was saved


def test_json_removes_fields_and_keeps_secrets(
    browser: FlaskClient, services: Services, assistant: str
) -> None:
    path = f"{LIST}/{assistant}"
    text = json.dumps({"name": "Bare", "server": {"url": "https://example.com/new"}})
    assert browser.post(path, data=inputs(browser, path, "json", json=text)).status_code == 303
    assert whole(services, assistant) == {
        "name": "Bare",
        "server": {"url": "https://example.com/new", "secret": "s3cret"},
    }
    text = json.dumps({"name": "Bare", "server": None})
    assert browser.post(path, data=inputs(browser, path, "json", json=text)).status_code == 303
    assert whole(services, assistant) == {"name": "Bare"}


def test_a_secret_is_never_shown(browser: FlaskClient, services: Services, assistant: str) -> None:
    path = f"{LIST}/{assistant}"
    for view in ("form", "json"):
        assert "s3cret" not in browser.get(f"{path}?view={view}").text
    sent = inputs(browser, path, server__secret="another")
    assert browser.post(path, data=sent).status_code == 303
    assert whole(services, assistant)["server"]["secret"] == "another"


def beside(page: str, name: str) -> str:
    found = re.search(rf'<div id="v-{re.escape(name)}"[^>]*>(.*?)</div>', page, re.DOTALL)
    assert found, name
    return found[1]


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"name": "x" * 41}, "name", "must be shorter than or equal to 40"),
        ({"maxDurationSeconds": "5"}, "maxDurationSeconds", "must not be less than 10"),
        ({"maxDurationSeconds": "soon"}, "maxDurationSeconds", "must be a number, such as"),
        ({"server__url": "nowhere"}, "server.url", "must be a URL address"),
        ({"voice__provider": "nobody"}, "voice.provider", "must be one of the following values"),
        ({"model__toolIds": [UNKNOWN_TOOL]}, "model.toolIds", "Does Not Exist"),
        ({"destinations": ["12", "", ""]}, "destinations", "must be a number such as +1415"),
    ],
)
def test_an_error_stands_beside_its_field(
    browser: FlaskClient, services: Services, assistant: str,
    changes: dict[str, Any], field: str, sentence: str,
) -> None:  # fmt: skip
    path, before = f"{LIST}/{assistant}", whole(services, assistant)
    sent = inputs(browser, path, endCallMessage="kept while it is mended", **changes)
    answer = browser.post(path, data=sent)
    assert answer.status_code == 400
    assert sentence in beside(answer.text, field)
    assert f'<a href="#v-{field}">' in answer.text.partition("It was not saved.")[2]
    assert "kept while it is mended" in answer.text
    assert whole(services, assistant) == before


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"name": "a",}', "line 1 column"),
        ("[]", "An assistant is a JSON object"),
        ('{"a": 1, "a": 2}', "is repeated"),
        ('{"name": "\\u0000"}', "NUL"),
        ("", "Expecting value"),
    ],
)
def test_what_is_not_json_is_told(
    browser: FlaskClient, services: Services, assistant: str, text: str, sentence: str
) -> None:
    path, before = f"{LIST}/{assistant}", whole(services, assistant)
    for button in ("save", "form"):
        answer = browser.post(path, data=inputs(browser, path, "json", json=text, do=button))
        assert answer.status_code == (400 if button == "save" else 200)
        assert sentence in answer.text
        assert '<textarea id="json"' in answer.text
    assert whole(services, assistant) == before


def test_a_nul_in_an_input_is_told(browser: FlaskClient, assistant: str) -> None:
    path = f"{LIST}/{assistant}"
    answer = browser.post(path, data=inputs(browser, path, firstMessage="a\0b"))
    assert answer.status_code == 400
    assert "NUL" in answer.text


def test_a_change_of_another_person_is_not_overwritten(
    browser: FlaskClient, services: Services, assistant: str
) -> None:
    path = f"{LIST}/{assistant}"
    sent = inputs(browser, path, name="Mine")
    services.resources.assistants.patch(ORG, assistant, {"name": "Theirs"})
    answer = browser.post(path, data=sent)
    assert answer.status_code == 409
    assert "was changed since you opened it" in answer.text
    assert public(services, assistant)["name"] == "Theirs"


def test_values_of_other_types_are_shown(
    browser: FlaskClient, services: Services, assistant: str
) -> None:
    """Such as older versions stored: the API refuses them today."""
    table = services.resources.assistants.table
    with services.store.write() as conn:
        conn.execute(table.update().where(table.c.id == assistant).values(body=ODD))
    path = f"{LIST}/{assistant}"
    for view in ("form", "json"):
        assert browser.get(f"{path}?view={view}").status_code == 200
    assert browser.get(LIST).status_code == 200
    assert browser.post(path, data=inputs(browser, path)).status_code == 400


def test_one_more_destination(browser: FlaskClient, assistant: str) -> None:
    path = f"{LIST}/{assistant}"
    assert browser.get(path).text.count('class="destination"') == 1
    sent = inputs(browser, path, destinations=["+14155550100", "", ""], do="row")
    page = browser.post(path, data=sent).text
    assert page.count('class="destination"') == 2
    assert 'value="+14155550100"' in page


# -- the check


def test_the_check_tells_each_field_and_stores_nothing(
    browser: FlaskClient, services: Services, assistant: str
) -> None:
    path, before = f"{LIST}/{assistant}", whole(services, assistant)
    edited = json.dumps(
        {**MENU, "observabilityPlan": {}, "firstMesage": "a", "serverUrl": "https://a.com"}
    )
    sent = inputs(browser, path, json=edited, model__provider="openai", maxDurationSeconds="5")
    answer = browser.post(f"{path}/check", data=sent)
    assert answer.status_code == 200
    page = answer.text
    assert "<h3>Calls would fail</h3>" in page
    assert "<code>firstMesage</code>: no such field: is firstMessage meant?" in page
    assert "refused" in beside(page, "model.provider")
    assert "OPENAI_API_KEY" in beside(page, "model.provider")
    assert "the older spelling, served too" in beside(page, "server.url")
    assert "must not be less than 10" in beside(page, "maxDurationSeconds")
    assert 'hx-swap-oob="innerHTML"' in page
    assert '<option value="gpt-4o">' in page
    assert whole(services, assistant) == before


def test_the_check_of_json(browser: FlaskClient, assistant: str) -> None:
    path = f"{LIST}/{assistant}"
    page = browser.post(f"{path}/check", data=inputs(browser, path, "json", json="{")).text
    assert "Expecting property name" in page
    page = browser.post(f"{LIST}/new/check", data=inputs(browser, path, "json", json="{}")).text
    assert 'id="json-problem" class="verdict" hx-swap-oob="innerHTML"' in page
    assert "v-name" not in page
    assert "fields are served" in page


# -- talk


def test_talk_makes_a_web_call_to_what_is_saved(
    browser: FlaskClient, services: Services, assistant: str
) -> None:
    path = f"{LIST}/{assistant}"
    answer = browser.post(f"{path}/talk", data=inputs(browser, path))
    assert answer.status_code == 200
    assert re.fullmatch(r"/web/[\w-]{20,}", answer.json["join"])
    call = services.calls.get(ORG, answer.json["call"].rpartition("/")[2])
    assert (call["type"], call["assistantId"]) == ("webCall", assistant)
    assert browser.get(answer.json["join"]).status_code == 200


def test_talk_takes_edits_that_are_not_saved(
    browser: FlaskClient, services: Services, assistant: str
) -> None:
    path = f"{LIST}/{assistant}"
    answer = browser.post(f"{path}/talk", data=inputs(browser, path, firstMessage="Try me."))
    call = services.calls.get(ORG, answer.json["call"].rpartition("/")[2])
    assert "assistantId" not in call
    assert call["assistant"]["firstMessage"] == "Try me."
    assert "s3cret" not in json.dumps(call)
    sent = inputs(browser, f"{LIST}/new")
    assert browser.post(f"{LIST}/new/talk", data=sent).status_code == 200


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"model__provider": "openai"}, "A call would fail: model: "),
        ({"maxDurationSeconds": "5"}, "maxDurationSeconds must not be less than 10"),
        ({"maxDurationSeconds": "soon"}, "Longest call in seconds: must be a number"),
        ({"json": "{"}, "Expecting property name"),
    ],
)
def test_talk_says_why_it_cannot(
    browser: FlaskClient, assistant: str, changes: dict[str, Any], sentence: str
) -> None:
    path = f"{LIST}/{assistant}"
    answer = browser.post(f"{path}/talk", data=inputs(browser, path, **changes))
    assert answer.status_code == 400
    assert sentence in " ".join(answer.json["problems"])


def test_the_policy_allows_the_media_socket_and_nothing_else(
    browser: FlaskClient, assistant: str
) -> None:
    policy = browser.get(f"{LIST}/{assistant}").headers["Content-Security-Policy"]
    assert "connect-src 'self' ws" in policy
    assert "script-src 'self';" in policy


# -- copies, the end, and who may


def test_a_copy_has_everything(browser: FlaskClient, services: Services, assistant: str) -> None:
    answer = browser.post(f"{LIST}/{assistant}/duplicate", data={"csrf": csrf_of(browser, LIST)})
    copy = answer.headers["Location"].rpartition("/")[2]
    assert copy != assistant
    assert whole(services, copy) == {**whole(services, assistant), "name": "Menu (copy)"}
    long = keep(services, {"name": "x" * 40})
    answer = browser.post(f"{LIST}/{long}/duplicate", data={"csrf": csrf_of(browser, LIST)})
    assert answer.status_code == 303


def test_deleting_asks_first(browser: FlaskClient, services: Services, assistant: str) -> None:
    page = browser.get(f"{LIST}/{assistant}/delete").text
    assert "No phone number and no setting uses it." in page
    assert public(services, assistant)["name"] == "Menu"
    answer = browser.post(f"{LIST}/{assistant}/delete", data={"csrf": csrf_of(browser, LIST)})
    assert answer.status_code == 303
    assert browser.get(f"{LIST}/{assistant}").status_code == 404
    assert "Menu was deleted." in browser.get(LIST).text


def test_deleting_says_what_uses_it(
    browser: FlaskClient, services: Services, assistant: str
) -> None:
    number = services.resources.phone_numbers.create(
        ORG,
        {
            "provider": "twilio",
            "number": "+14155550177",
            "twilioAccountSid": "AC" + "1" * 32,
            "twilioAuthToken": "0" * 32,
            "assistantId": assistant,
        },
    )
    assert "the number +14155550177" in browser.get(f"{LIST}/{assistant}/delete").text
    services.resources.phone_numbers.delete(ORG, number["id"])


POSTS = ("", "/check", "/talk", "/duplicate", "/delete")


@pytest.mark.parametrize("path", POSTS)
def test_who_may_look_may_not_act(
    onlooker: FlaskClient, browser: FlaskClient, services: Services, assistant: str, path: str
) -> None:
    before = whole(services, assistant)
    sent = {**inputs(browser, f"{LIST}/{assistant}", name="X"), "csrf": csrf_of(onlooker, LIST)}
    assert onlooker.post(f"{LIST}/{assistant}{path}", data=sent).status_code == 403
    sent["csrf"] = "wrong"
    assert browser.post(f"{LIST}/{assistant}{path}", data=sent).status_code == 403
    assert whole(services, assistant) == before


def test_who_may_look_sees_no_buttons(onlooker: FlaskClient, assistant: str) -> None:
    for path in (LIST, f"{LIST}/{assistant}", f"{LIST}/{assistant}?view=json"):
        page = onlooker.get(path).text.partition("<main")[2]
        assert re.findall(r"<button[^>]*>", page) == (
            [] if path != LIST else ['<button class="plain">']
        )
        assert "/delete" not in page
        assert "data-talk" not in page
    assert '<fieldset class="all" disabled>' in onlooker.get(f"{LIST}/{assistant}").text


def test_those_of_others_are_not_there(browser: FlaskClient, services: Services) -> None:
    now = services.context.now()
    org = {"id": ANOTHER_ORG, "name": "another", "server_url": None, "secret": None}
    with services.store.write() as conn:
        accounts.put_org(conn, {**org, "created_at": now, "updated_at": now})
    foreign = services.resources.assistants.create(ANOTHER_ORG, MENU)["id"]
    for id in (foreign, UNKNOWN, "nonsense"):
        for path in ("", "/delete"):
            assert browser.get(f"{LIST}/{id}{path}").status_code == 404
        for path in POSTS:
            answer = browser.post(f"{LIST}/{id}{path}", data={"csrf": csrf_of(browser, LIST)})
            assert answer.status_code == 404, path
    assert services.resources.assistants.get(ANOTHER_ORG, foreign)
