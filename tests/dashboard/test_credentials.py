"""Accounts in the dashboard: written and never read again, tried, replaced, deleted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from app.default_org import ORG_ID
from app.domain.dashboard import credentials
from app.domain.login import sessions
from app.vendors import registry
from tests.dashboard.setup import VENDOR_KEY, Operator, problems, words
from tests.fakes.carriers.accounts import ACCOUNT, AUTH_TOKEN
from tests.fakes.client_server import Receiver

SECRET = "canary-of-the-form"
OTHER = "AC" + "1" * 32


@pytest.fixture
def openai(operator: Operator, receiver: Receiver) -> Iterator[str]:
    """Its path below the dashboard. The vendor is a server of the test."""
    operator.done(
        "/credentials/new", provider="openai", apiKey=SECRET, apiUrl=receiver.url, name="Ours"
    )
    path = path_of(operator, receiver.url)
    yield path
    operator.post(f"{path}/delete")


def path_of(operator: Operator, ref: str) -> str:
    """Of the account with this ref."""
    found = credentials.listing(operator.services.context, ORG_ID)
    return "/credentials/" + next(row.id for row in found if row.ref == ref)


def test_no_page_has_a_secret(operator: Operator, openai: str) -> None:
    for path in ("/credentials", openai, "/doctor"):
        page = operator.get(path)
        for secret in (SECRET, VENDOR_KEY, AUTH_TOKEN):
            assert secret not in page, path


def test_those_of_the_settings_are_shown_and_not_changed(operator: Operator) -> None:
    page = operator.get("/credentials")
    assert f"twilio carrier {ACCOUNT} from the environment" in words(page)
    assert "openai vendor OPENAI_API_KEY" in words(page)
    path = path_of(operator, ACCOUNT)
    assert "Rename or replace" not in operator.get(path)
    assert "TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN" in operator.get(path)
    assert operator.post(path, name="x").status_code == 409
    assert operator.post(f"{path}/delete").status_code == 409


@pytest.mark.parametrize("provider", [*registry.with_account(), "twilio", "vonage", "webhook"])
def test_every_provider_has_a_form(operator: Operator, provider: str) -> None:
    page = operator.get(f"/credentials/new?provider={provider}")
    assert f'name="provider" value="{provider}"' in page
    if provider in registry.VENDORS:
        name = registry.VENDORS[provider].credential.key
        assert f'name="{name}" type="password"' in page


def test_a_provider_that_does_not_exist(operator: Operator) -> None:
    assert "Store it" not in operator.get("/credentials/new?provider=nobody")
    answer = operator.post("/credentials/new", provider="nobody")
    assert answer.status_code == 400
    assert "provider must be one of" in problems(answer)


def test_a_carriers_account_with_two_tokens(operator: Operator) -> None:
    operator.done("/credentials/new", provider="twilio", accountSid=OTHER, authTokens="new, old")
    assert OTHER in operator.get("/credentials")
    path = path_of(operator, OTHER)
    assert OTHER in operator.get(path)
    assert operator.done(f"{path}/delete") == "/credentials"


WRONG: list[tuple[dict[str, str], str]] = [
    ({"provider": "twilio", "accountSid": "AC1", "authTokens": SECRET}, "accountSid must be AC"),
    ({"provider": "twilio", "accountSid": OTHER}, "authToken is missing"),
    ({"provider": "openai"}, "apiKey should not be empty"),
    ({"provider": "openai", "apiKey": SECRET, "apiUrl": "x"}, "apiUrl"),
    ({"provider": "openai", "apiKey": SECRET, "name": "x" * 41}, "name must be shorter"),
    ({"provider": "openai", "apiKey": SECRET, "more": "{"}, "Other fields: a JSON object"),
    ({"provider": "openai", "apiKey": SECRET, "more": "[1]"}, "and this is [1]"),
    ({"provider": "openai", "apiKey": SECRET, "more": '{"a": 1}'}, "property a should not exist"),
    ({"provider": "webhook"}, "authenticationPlan"),
]


@pytest.mark.parametrize(("fields", "told"), WRONG)
def test_a_wrong_account_is_told_and_not_stored(
    operator: Operator, fields: dict[str, str], told: str
) -> None:
    before = operator.get("/credentials")
    answer = operator.post("/credentials/new", **fields)
    assert answer.status_code == 400
    assert told in problems(answer)
    assert SECRET not in answer.text
    assert operator.get("/credentials") == before


def test_a_servers_credential_by_json(operator: Operator) -> None:
    plan = '{"authenticationPlan": {"type": "bearer", "token": "canary-of-the-form"}}'
    operator.done("/credentials/new", provider="webhook", more=plan)
    page = operator.get("/credentials")
    assert "webhook server bearer" in words(page)
    path = page.partition('">webhook</a>')[0].rpartition("/dashboard")[2]
    assert SECRET not in operator.get(path)
    assert operator.post(f"{path}/test").status_code == 400
    operator.done(f"{path}/delete")


def test_a_new_name_alone_and_a_new_key(operator: Operator, openai: str) -> None:
    url = _field(operator.get(openai), "apiUrl")
    operator.done(openai, name="Renamed", apiUrl=url, apiKey="")
    assert "Renamed" in operator.get("/credentials")
    operator.done(openai, name="Renamed", apiUrl=url, apiKey="another")
    answer = operator.post(openai, name="Renamed", apiUrl=f"{url}/v2", apiKey="")
    assert answer.status_code == 400
    assert "apiKey should not be empty" in problems(answer)


def _field(page: str, name: str) -> str:
    return page.partition(f'name="{name}" type="text" value="')[2].partition('"')[0]


@pytest.mark.parametrize(("status", "told"), [(200, "accepted"), (401, "refused"), (500, "not kn")])
def test_a_key_is_tried(
    operator: Operator, openai: str, receiver: Receiver, status: int, told: str
) -> None:
    receiver.reply = status
    part = operator.part(f"{openai}/test")
    assert f"key of openai (stored credential): {told}" in words(part.text)
    assert operator.post(f"{openai}/test").status_code == 303
    assert f"(stored credential): {told}" in words(operator.get("/credentials"))


def test_the_environments_key_is_tried(operator: Operator) -> None:
    part = operator.part("/credentials/environment/openai/test")
    assert "key of openai (OPENAI_API_KEY): not tried" in words(part.text)
    assert operator.post("/credentials/environment/groq/test").status_code == 404


def test_a_carriers_account_is_tried(operator: Operator) -> None:
    path = path_of(operator, ACCOUNT)
    part = words(operator.part(f"{path}/test").text)
    assert f"twilio account {ACCOUNT}: Twilio's API cannot be reached" in part.replace("&#39;", "'")


def test_one_that_a_number_uses_is_not_deleted(operator: Operator) -> None:
    operator.done("/credentials/new", provider="twilio", accountSid=OTHER, authTokens="token")
    path = path_of(operator, OTHER)
    id = path.rpartition("/")[2]
    number = operator.done("/numbers/new", number="+15550100017", credentialId=id)
    answer = operator.post(f"{path}/delete")
    assert answer.status_code == 400
    assert "(+15550100017) Uses It" in problems(answer)
    operator.done(f"{number}/delete")
    operator.done(f"{path}/delete")


def test_who_looks_sees_no_account(made: Flask, openai: str) -> None:
    onlooker = Operator(made, sessions.LOOK)
    for path in ("/credentials", "/credentials/new", openai):
        onlooker.get(path, 403)
    for path in ("/credentials/new", openai, f"{openai}/test", f"{openai}/delete"):
        assert onlooker.post(path).status_code == 403


@pytest.mark.parametrize("id", ["x", "00000000-0000-4000-8000-000000000000"])
def test_an_account_that_does_not_exist(operator: Operator, id: str) -> None:
    operator.get(f"/credentials/{id}", 404)
    for path in ("", "/delete", "/test"):
        assert operator.post(f"/credentials/{id}{path}").status_code == 404
