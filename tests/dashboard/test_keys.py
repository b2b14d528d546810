"""API keys in the dashboard: shown once, revoked at once."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.default_org import ORG_ID
from app.domain.login import keys, sessions
from tests.dashboard.pages import enter
from tests.dashboard.setup import SETTING_KEY, Operator, problems, words


def shown(page: str) -> str:
    found = re.search(r'<code class="secret">([^<]*)</code>', page)
    return found[1] if found else ""


def asks(client: FlaskClient, key: str) -> int:
    return client.get("/call", headers={"Authorization": f"Bearer {key}"}).status_code


def revoke_path(operator: Operator, name: str) -> str:
    page = operator.get("/keys")
    return (
        page.partition(f'aria-label="Revoke {name} ')[0]
        .rpartition('action="/dashboard')[2]
        .partition('"')[0]
    )


def test_a_key_is_shown_once_and_ends_when_it_is_revoked(made: Flask, operator: Operator) -> None:
    answer = operator.post("/keys", name="Billing")
    key = shown(answer.text)
    assert answer.headers["Cache-Control"] == "no-store"
    assert asks(made.test_client(), key) == 200
    page = operator.get("/keys")
    assert key not in page
    assert f"Billing {key[:8]} look and act" in words(page)
    path = revoke_path(operator, "Billing")
    assert operator.done(path) == "/keys"
    assert asks(made.test_client(), key) == 401
    assert operator.post(path).status_code == 404  # once is enough


def test_the_sessions_own_key_is_marked_and_ends_the_session(
    made: Flask, operator: Operator
) -> None:
    key = shown(operator.post("/keys", name="Mine").text)
    client = made.test_client()
    enter(client, key)
    assert "your session" in client.get("/dashboard/keys").text
    assert "your session" not in operator.get("/keys")
    operator.done(revoke_path(operator, "Mine"))
    assert client.get("/dashboard/keys").status_code == 302


def test_the_key_of_the_setting_is_changed_there(made: Flask, operator: Operator) -> None:
    page = operator.get("/keys")
    assert "from the environment" in page
    assert SETTING_KEY not in page
    listed = keys.listing(operator.services.context, ORG_ID)
    row = next(each for each in listed if each.is_setting)
    answer = operator.post(f"/keys/{row.id}/revoke")
    assert answer.status_code == 409
    assert "change the setting" in answer.text
    assert asks(made.test_client(), SETTING_KEY) == 200


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("", "name should not be empty"),
        ("x" * 41, "at most 40 characters"),
        ("a\nb", "one line"),
        ("API_KEY", "is of the setting's key"),  # the next start would revoke it
    ],
)
def test_a_wrong_name(operator: Operator, name: str, told: str) -> None:
    answer = operator.post("/keys", name=name)
    assert answer.status_code == 400
    assert told in problems(answer).replace("&#39;", "'")
    assert not shown(answer.text)


def test_a_link_for_those_who_look(made: Flask, operator: Operator) -> None:
    link = shown(operator.post("/keys/link").text)
    client = made.test_client()
    assert enter(client, link.partition("#")[2]).status_code == 303
    assert "looks only" in client.get("/dashboard/calls").text


def test_another_organisations_keys_are_not_there(
    operator: Operator, browser: FlaskClient, made: Flask
) -> None:
    operator.post("/keys", name="Ours")
    assert "Ours" not in browser.get("/dashboard/keys").text
    assert operator.post("/keys/44444444-4444-4444-8444-444444444444/revoke").status_code == 404


def test_who_looks_sees_no_key(made: Flask) -> None:
    onlooker = Operator(made, sessions.LOOK)
    onlooker.get("/keys", 403)
    for path in ("/keys", "/keys/link", "/keys/x/revoke"):
        assert onlooker.post(path).status_code == 403
