"""Phone numbers in the dashboard: stored, changed, deleted, and which URL goes where."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from app.default_org import ORG_ID
from app.domain.login import sessions
from tests.dashboard.setup import NOWHERE, Operator, problems, words
from tests.fakes.carriers.accounts import ACCOUNT, TWILIO_NUMBER

FALLBACK = "+15550100009"


@pytest.fixture
def assistant(operator: Operator) -> str:
    body = {"name": "Reception", "transport": {"provider": "echo"}}
    return str(operator.services.resources.assistants.create(ORG_ID, body)["id"])


def account(operator: Operator) -> str:
    page = operator.get("/numbers/new")
    return page.partition('id="f-credentialId"')[2].partition('value="')[2].partition('"')[0]


@pytest.fixture
def number(operator: Operator) -> Iterator[str]:
    path = operator.done("/numbers/new", number="+15550100005", credentialId=account(operator))
    yield path
    operator.post(f"{path}/delete")


def stored(operator: Operator, path: str) -> Any:
    return operator.services.resources.phone_numbers.get(ORG_ID, path.rpartition("/")[2])


def test_the_list_has_the_number_of_the_settings(operator: Operator) -> None:
    page = words(operator.get("/numbers"))
    assert f"{TWILIO_NUMBER} from the environment twilio {ACCOUNT}" in page


def test_every_url_with_the_consoles_own_field(operator: Operator, number: str) -> None:
    page = operator.get(number)
    for field, url in (
        ("A call comes in", f"{NOWHERE}/twilio/inbound_call?assistantId=ID"),
        ("Call status changes", f"{NOWHERE}/twilio/status"),
    ):
        assert f"<strong>{field}</strong>" in page
        assert f'data-copy="{url}"' in page
    assert "/twilio/stream/&lt;token&gt;" in page  # served, and entered by nobody


def test_a_number_with_an_assistant_needs_no_id_in_its_url(
    operator: Operator, number: str, assistant: str
) -> None:
    operator.done(number, name="Front", assistantId=assistant, fallback="", serverUrl="")
    page = operator.get(number)
    assert f'data-copy="{NOWHERE}/twilio/inbound_call"' in page
    assert "Reception" in words(page)


def test_the_hooks_of_a_number_are_told(operator: Operator, number: str) -> None:
    ringing = {"type": "transfer", "destination": {"type": "number", "number": FALLBACK}}
    body = {
        "hooks": [
            {"on": "call.ending", "do": {"type": "say", "exact": "We are closed."}},
            {
                "on": "call.ringing",
                "filters": [{"type": "startsWith", "key": "number", "startsWith": ["1415"]}],
                "do": [ringing],
            },
        ]
    }
    numbers = operator.services.resources.phone_numbers
    numbers.patch(ORG_ID, number.rpartition("/")[2], body)
    page = words(operator.get(number))
    assert f"Hook call.ringing (1415) transfers to {FALLBACK}" in page
    assert "Hook call.ending says: We are closed." in page


def test_what_the_form_holds_is_stored_and_what_it_empties_is_gone(
    operator: Operator, number: str
) -> None:
    operator.done(number, name="Desk", fallback=FALLBACK, serverUrl="http://127.0.0.1/hook")
    kept = stored(operator, number)
    assert kept["name"] == "Desk"
    assert kept["fallbackDestination"] == {"type": "number", "number": FALLBACK}
    assert kept["server"] == {"url": "http://127.0.0.1/hook"}
    operator.done(number, name="", fallback="sip:desk@example.com", serverUrl="")
    kept = stored(operator, number)
    assert "name" not in kept
    assert "server" not in kept
    assert kept["fallbackDestination"] == {"type": "sip", "sipUri": "sip:desk@example.com"}


def test_a_new_server_url_keeps_what_stands_beside_it(operator: Operator, number: str) -> None:
    id = number.rpartition("/")[2]
    change = {"server": {"url": "http://127.0.0.1/a", "timeoutSeconds": 7}}
    operator.services.resources.phone_numbers.patch(ORG_ID, id, change)
    operator.done(number, name="x", fallback="", serverUrl="http://127.0.0.1/b")
    kept = stored(operator, number)["server"]
    assert kept == {"url": "http://127.0.0.1/b", "timeoutSeconds": 7}


def test_a_form_that_leaves_the_destination_alone_keeps_the_rest_of_it(
    operator: Operator, number: str
) -> None:
    """The API may have given it a message, which the form does not show."""
    destination = {"type": "number", "number": FALLBACK, "message": "One moment."}
    id = number.rpartition("/")[2]
    change = {"fallbackDestination": destination, "server": {"url": "http://127.0.0.1/a"}}
    operator.services.resources.phone_numbers.patch(ORG_ID, id, change)
    operator.done(number, name="x", fallback=FALLBACK, serverUrl="http://127.0.0.1/a")
    assert stored(operator, number)["fallbackDestination"] == destination


WRONG: list[tuple[dict[str, str], str]] = [
    ({"number": "555"}, "E.164"),
    ({"number": ""}, "number should not be empty"),
    ({"number": TWILIO_NUMBER}, "Has Identical `number`"),
    ({"name": "x" * 41}, "name must be shorter than or equal to 40 characters"),
    ({"fallback": "reception"}, "fallbackDestination.number must be a valid phone number"),
    ({"fallback": "sip:"}, "sipUri"),
    ({"serverUrl": "here"}, "server.url must be a URL address"),
    ({"assistantId": "00000000-0000-4000-8000-000000000000"}, "Does Not Exist"),
    ({"credentialId": "00000000-0000-4000-8000-000000000000"}, "Does Not Exist"),
    ({"credentialId": ""}, "provider must be one of"),
]


@pytest.mark.parametrize(("fields", "told"), WRONG)
def test_a_wrong_field_is_told_and_nothing_is_stored(
    operator: Operator, fields: dict[str, str], told: str
) -> None:
    before = operator.get("/numbers")
    asked = {"number": "+15550100006", "credentialId": account(operator), "name": "Kept", **fields}
    answer = operator.post("/numbers/new", **asked)
    assert answer.status_code == 400
    assert told in problems(answer)
    assert f'value="{asked["name"]}"' in answer.text  # what was typed is not lost
    assert operator.get("/numbers") == before


def test_a_wrong_change_is_told_on_the_page(operator: Operator, number: str) -> None:
    answer = operator.post(number, name="Kept", fallback="nowhere", serverUrl="")
    assert answer.status_code == 400
    assert "E.164" in problems(answer)
    assert 'value="nowhere"' in answer.text
    assert "name" not in stored(operator, number)


def test_deleting(operator: Operator) -> None:
    path = operator.done("/numbers/new", number="+15550100007", credentialId=account(operator))
    assert operator.done(f"{path}/delete") == "/numbers"
    operator.get(path, 404)
    assert "+15550100007 is deleted" in operator.get("/numbers")


def test_the_number_of_the_settings_is_deleted_there(operator: Operator) -> None:
    page = operator.get("/numbers")
    path = page.partition(f'">{TWILIO_NUMBER}')[0].rpartition("/dashboard")[2]
    assert "Delete the number" not in operator.get(path)
    assert operator.post(f"{path}/delete").status_code == 409


def test_a_carrier_that_does_not_answer_is_told(operator: Operator, number: str) -> None:
    part = operator.part(f"{number}/carrier")
    assert part.status_code == 200
    assert "was asked what it has today" in words(part.text)
    assert "<html" not in part.text
    assert "was asked what it has today" in operator.post(f"{number}/carrier").text


def test_who_looks_sees_the_numbers_and_changes_none(made: Flask, number: str) -> None:
    onlooker = Operator(made, sessions.LOOK)
    page = onlooker.get(number)
    assert "Delete the number" not in page
    assert "hx-post" not in page
    onlooker.get("/numbers/new", 403)
    for path in ("/numbers/new", number, f"{number}/delete", f"{number}/carrier"):
        assert onlooker.post(path).status_code == 403, path


@pytest.mark.parametrize("id", ["x", "00000000-0000-4000-8000-000000000000"])
def test_a_number_that_does_not_exist(operator: Operator, id: str) -> None:
    operator.get(f"/numbers/{id}", 404)
    for path in ("", "/delete", "/carrier"):
        assert operator.post(f"/numbers/{id}{path}").status_code == 404


def test_its_owners_callback_url(operator: Operator, number: str) -> None:
    url = "https://owner.example.com/status"
    operator.done(number, name="Front", fallback="", serverUrl="", ownerCallbackUrl=url)
    assert stored(operator, number)["ownerCallbackUrl"] == url
    assert f"<dd>{url}</dd>" in operator.get(number)
    wrong = {"name": "", "fallback": "", "serverUrl": "", "ownerCallbackUrl": "status"}
    assert "ownerCallbackUrl" in problems(operator.post(number, **wrong))
    operator.done(number, name="Front", fallback="", serverUrl="", ownerCallbackUrl="")
    assert "ownerCallbackUrl" not in stored(operator, number)
