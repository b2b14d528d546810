"""The list of assistants, their copies, their end, and who may do what."""

from __future__ import annotations

import re
from html import unescape

import pytest
from flask.testing import FlaskClient

from app.store import accounts
from app.wiring import Services
from bench.dashboard import ORG
from tests.dashboard.assistant_pages import (
    LIST,
    MENU,
    UNKNOWN,
    inputs,
    keep,
    public,
    whole,
)
from tests.dashboard.conftest import forget_assistants
from tests.dashboard.pages import csrf_of
from tests.domain.dashboard.rows import ANOTHER_ORG


def test_an_empty_list_says_what_to_do(
    browser: FlaskClient, onlooker: FlaskClient, services: Services
) -> None:
    forget_assistants(services)
    assert "Make the first assistant" in browser.get(LIST).text
    page = onlooker.get(LIST).text
    assert "Make the first assistant" not in page
    assert "Sign in with an API key" in page


def test_a_handoff_to_nobody_is_told(browser: FlaskClient, services: Services) -> None:
    """As by ``patchbay check`` and the API: calls fail by it."""
    tool = {"type": "handoff", "destinations": [{"type": "assistant", "assistantId": UNKNOWN}]}
    model = {"provider": "openai", "model": "gpt-4o", "tools": [tool]}
    made = keep(services, {"name": "Ann", "model": model})
    found = services.checks.stored(ORG, made)
    [refused] = [each for each in found if UNKNOWN in each.why]
    assert refused.path == "model.tools.0.destinations.0.assistantId"
    assert refused.why in unescape(browser.get(f"{LIST}/{made}").text)


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
