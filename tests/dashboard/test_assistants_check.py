"""The check of an assistant that is being edited, and the Talk button."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.wiring import Services
from bench.dashboard import ORG
from tests.dashboard.assistant_pages import (
    LIST,
    MENU,
    beside,
    inputs,
    keep,
    whole,
)
from tests.dashboard.setup import filled


@pytest.fixture(scope="module")
def app() -> Iterator[Flask]:
    """Of this file alone: who talks makes calls, and other files count them."""
    with filled(0) as made:
        yield made


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


def test_an_assistants_own_credentials_count(
    browser: FlaskClient, services: Services, assistant: str
) -> None:
    """They are sealed: the page does not have them."""
    keys = [{"provider": name, "apiKey": "k3y"} for name in ("openai", "deepgram")]
    model = {"provider": "openai", "model": "gpt-4o"}
    made = keep(services, {"name": "Own keys", "model": model, "credentials": keys})
    path = f"{LIST}/{made}"
    assert "Calls would fail" not in browser.get(path).text
    answer = browser.post(f"{path}/talk", data=inputs(browser, path, firstMessage="Hi."))
    assert answer.status_code == 200
    assert browser.post(path, data=inputs(browser, path, name="Other")).status_code == 303
    assert whole(services, made)["credentials"] == keys
