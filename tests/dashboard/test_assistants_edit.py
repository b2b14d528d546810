"""The page of one assistant: its form and its JSON, and what is refused."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.wiring import Services
from bench.dashboard import ORG
from tests.dashboard.assistant_pages import (
    LIST,
    MENU,
    UNKNOWN_TOOL,
    beside,
    inputs,
    keep,
    public,
    read_at,
    whole,
)
from tests.dashboard.pages import csrf_of
from tests.domain.dashboard.assistants_json import FULL, ODD


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
    edited = json.loads(unescape(text[1]))
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


def test_a_secret_of_a_tool_outlives_the_removal_of_another(
    browser: FlaskClient, services: Services, assistant: str
) -> None:
    own = {"type": "function", "server": {"url": "https://example.com/t", "secret": "of the tool"}}
    made = keep(services, {**MENU, "model": {**MENU["model"], "tools": [{"type": "endCall"}, own]}})
    path = f"{LIST}/{made}"
    sent = inputs(browser, path)
    del sent["endCall"]
    assert browser.post(path, data=sent).status_code == 303
    assert whole(services, made)["model"]["tools"] == [own]
