"""Which account of a vendor a call uses, and that no key is shown or sent where it should not be."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.domain.assistant.config import AssistantConfig
from app.domain.resources.vendor_accounts import own_accounts, reachable
from app.domain.services.media import StreamClaim
from app.settings import VendorSettings
from app.store import schema
from app.vendors.common.account import VendorAccount
from app.vendors.registry import url_fields, with_account
from app.wiring import Services
from tests.domain.live_call import join, read
from tests.fakes.carriers.leg import Leg
from tests.fakes.carriers.twilio import TwilioLeg
from tests.routes.api import TWILIO_NUMBER, Api, refused

pytestmark = pytest.mark.any_store  # the subject: which account is chosen

CANARY = "c4n4ry"
NOT_SENDABLE = "must be one line of plain ASCII without spaces around it: it is sent as a header"
OPENAI = {"provider": "openai", "apiKey": CANARY}
AZURE = {
    "provider": "azure-openai",
    "openAIKey": CANARY,
    "openAIEndpoint": "https://desk.openai.azure.example",
    "ocpApimSubscriptionKey": CANARY + "2",
    "region": "eastus",
    "models": ["gpt-4o"],
}


@pytest.fixture
def carrier() -> type[Leg]:
    """It makes no difference here."""
    return TwilioLeg


def claim(api: Api, leg: Leg, **assistant: Any) -> StreamClaim:
    """Of a call with this assistant."""
    made = api.made("/assistant", {"name": "x", **assistant})
    return join(leg, read(leg, leg.arrive({"assistantId": made["id"]})))


def operators(app: Flask, *accounts: VendorSettings) -> None:
    """As if the environment named them."""
    services: Services = app.extensions["patchbay"]
    changed = replace(services.context.settings, vendors=accounts)
    object.__setattr__(services.context, "settings", changed)


# ------------------------------------------------------------------ which


def test_the_vendors_that_some_call_can_reach(app: Flask, api: Api) -> None:
    """By anyone's account, or without one."""
    context = app.extensions["patchbay"].context
    custom = {"custom-llm", "custom-voice", "custom-transcriber"}
    free = {"embedded", "vapi", "whisper", "piper", *custom}
    assert reachable(context) == free
    api.made("/credential", OPENAI)
    operators(app, VendorSettings("deepgram", CANARY))
    assert reachable(app.extensions["patchbay"].context) == free | {"openai", "deepgram"}


def test_without_any_there_is_none(api: Api, leg: Leg) -> None:
    assert claim(api, leg).accounts == {}


def test_each_source_goes_before_the_next(app: Flask, api: Api, leg: Leg) -> None:
    operators(
        app,
        VendorSettings("openai", "environment", "http://proxy.example/v1"),
        VendorSettings("groq", "environment"),
        VendorSettings("azure", "environment", None, {"region": "eastus"}),
    )
    api.made("/credential", {"provider": "openai", "apiKey": "stored"})
    api.made("/credential", {"provider": "groq", "apiKey": "stored"})
    own = [{"provider": "openai", "apiKey": "own", "apiUrl": "https://own.example/v1"}]
    assert claim(api, leg, credentials=own).accounts == {
        "openai": VendorAccount("own", "https://own.example/v1"),
        # the environment's address does not come with somebody else's key, nor the other way
        "groq": VendorAccount("stored"),
        "azure": VendorAccount("environment", None, {"region": "eastus"}),
    }


def test_whose_address_may_lead_anywhere(app: Flask, api: Api, leg: Leg) -> None:
    """The operator's: what a client chose is looked at again when it is called."""
    operators(app, VendorSettings("deepgram", None, "http://10.0.0.7:8080"))
    api.made("/credential", {"provider": "groq", "apiKey": "k", "apiUrl": "https://a.example"})
    own = [{"provider": "openai", "apiKey": "own", "apiUrl": "https://own.example/v1"}]
    keys = claim(api, leg, credentials=own).accounts
    assert {name for name, access in keys.items() if access.client_supplied} == {"groq", "openai"}


def test_of_two_stored_the_newer(api: Api, leg: Leg) -> None:
    for key in ("first", "second"):
        api.made("/credential", {"provider": "openai", "apiKey": key})
    assert claim(api, leg).accounts == {"openai": VendorAccount("second")}


def test_credential_ids_choose(api: Api, leg: Leg) -> None:
    ids = [api.made("/credential", {**OPENAI, "apiKey": key})["id"] for key in ("a", "b")]
    assert claim(api, leg, credentialIds=ids[:1]).accounts == {"openai": VendorAccount("a")}


def test_credential_ids_may_choose_none(api: Api, leg: Leg) -> None:
    api.made("/credential", OPENAI)
    assert claim(api, leg, credentialIds=[]).accounts == {}


def test_an_own_model_may_be_asked_with_a_token(api: Api, leg: Leg) -> None:
    """Also by the assistant's own credentials; a plan that cannot be used is no account."""
    plan = {"type": "oauth2", "url": "https://a.example", "clientId": "me", "clientSecret": CANARY}
    given = {"provider": "custom-llm", "authenticationPlan": plan}
    found = claim(api, leg, credentials=[given]).accounts["custom-llm"]
    assert found.signer is not None
    assert CANARY not in repr(found)
    wrong = {**given, "authenticationPlan": {"type": "oauth2"}}
    assert own_accounts(AssistantConfig({"credentials": [wrong]})) == {}


@pytest.mark.parametrize(
    ("stage", "vendor", "plan"),
    [
        ("voice", "custom-voice", "voices"),
        ("transcriber", "custom-transcriber", "transcribers"),
    ],
)
def test_each_server_has_its_own_credential(
    api: Api, leg: Leg, stage: str, vendor: str, plan: str
) -> None:
    """Of a reserve too; one without a credential gets no other's."""
    body = {"provider": "webhook", "authenticationPlan": {"type": "bearer", "token": CANARY}}
    own, reserves = (api.made("/credential", body)["id"] for _ in range(2))
    servers = [{"url": "https://a.example", "credentialId": each} for each in (own, reserves)]
    free = {"url": "https://b.example"}
    spare = [{"provider": vendor, "server": each} for each in (servers[1], free)]
    config = {"provider": vendor, "server": servers[0], "fallbackPlan": {plan: spare}}
    account = claim(api, leg, **{stage: config}).accounts[vendor]
    assert {*account.signers} == {own, reserves}
    assert [account.signer_of(each) is None for each in (*servers, free)] == [False, False, True]


def test_another_organisations_are_not_used(api: Api, other: Api, leg: Leg) -> None:
    other.made("/credential", OPENAI)
    assert claim(api, leg).accounts == {}


@pytest.mark.parametrize(
    "credential",
    [
        {"provider": "openai"},  # no key
        {"provider": "openai", "apiKey": ""},
        {"provider": "openai", "apiKey": "own", "apiUrl": 7},  # whose address is it for?
        {"provider": "s3", "awsAccessKeyId": "x"},  # not one we ask anything
        "openai",
    ],
)
def test_what_cannot_be_used_is_not(api: Api, leg: Leg, credential: Any) -> None:
    assert claim(api, leg, credentials=[credential]).accounts == {}


@pytest.mark.parametrize("key", ["line\nbreak", "ключ", "café", " x", "x ", "\x7f"])
def test_a_key_that_cannot_be_sent(api: Api, key: str) -> None:
    """It would be another header, or none."""
    body = {"name": "x", "credentials": [{"provider": "openai", "apiKey": key}]}
    assert refused(api.post("/assistant", body)) == [f"credentials.0.apiKey {NOT_SENDABLE}"]


def test_one_sealed_with_another_key_spoils_no_call(app: Flask, api: Api, leg: Leg) -> None:
    lost = api.made("/credential", OPENAI)["id"]
    api.made("/credential", {"provider": "groq", "apiKey": "good"})
    table = schema.credentials
    with app.extensions["patchbay"].store.write() as conn:
        conn.execute(sa.update(table).where(table.c.id == lost).values(secret=b"unreadable"))
    assert claim(api, leg).accounts == {"groq": VendorAccount("good")}


def test_what_else_an_account_holds(api: Api, leg: Leg) -> None:
    api.made("/credential", AZURE)
    extra = {"region": "eastus", "ocpApimSubscriptionKey": CANARY + "2"}
    assert claim(api, leg).accounts == {
        "azure-openai": VendorAccount(CANARY, "https://desk.openai.azure.example", extra)
    }


def test_a_seat_prints_no_key(api: Api, leg: Leg) -> None:
    api.made("/credential", AZURE)
    found = claim(api, leg)
    assert found.accounts
    assert CANARY not in repr(found) + repr(found.accounts)


# ------------------------------------------------------------------ POST /credential


@pytest.mark.parametrize("vendor", with_account())
def test_every_vendor_has_credentials(app: Flask, api: Api, vendor: str) -> None:
    fields = with_account()[vendor].credential
    needed = dict.fromkeys((fields.key, *fields.sealed), CANARY)
    needed |= dict.fromkeys(fields.required, "https://a.example/") | {"name": "Main"}
    needed |= {"region": "eastus"} if "region" in fields.shown else {}
    made = api.made("/credential", {"provider": vendor, **needed})
    assert (made["provider"], made["name"]) == (vendor, "Main")
    assert CANARY not in json.dumps(made) + api.get("/credential").text
    with app.extensions["patchbay"].store.read() as conn:
        assert CANARY not in str(conn.execute(sa.select(schema.credentials)).all())
    path = f"/credential/{made['id']}"
    assert api.patch(path, {"name": "Side"}).json["name"] == "Side"
    assert api.delete(path).status_code == 200


def test_a_new_key(api: Api, leg: Leg) -> None:
    made = api.made("/credential", OPENAI | {"name": "Main"})
    changed = api.patch(f"/credential/{made['id']}", {"apiKey": "new"})
    assert (changed.status_code, changed.json["name"]) == (200, "Main")
    assert claim(api, leg).accounts == {"openai": VendorAccount("new")}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"provider": "openai"}, ["apiKey should not be empty"]),
        ({"provider": "openai", "apiKey": 7}, ["apiKey must be a string"]),
        (
            {"provider": "openai", "apiKey": "ключ"},
            [f"apiKey {NOT_SENDABLE}"],
        ),
        # a secret nobody reads would be lost in silence
        (OPENAI | {"apiSecret": "x"}, ["property apiSecret should not exist"]),
        (
            OPENAI | {"apiUrl": "api.example.com"},
            ["apiUrl must be a URL address that begins with https:// or http://"],
        ),
        (AZURE | {"models": "gpt-4o"}, ["models must be an array"]),
        (
            {"provider": "azure-openai", "openAIKey": "x"},
            ["openAIEndpoint should not be empty"],
        ),
        ({"provider": "playht", "apiKey": "x"}, ["userId should not be empty"]),
    ],
)
def test_wrong_credential(api: Api, body: dict[str, Any], message: list[str]) -> None:
    assert refused(api.post("/credential", body)) == message


def test_a_vendor_has_no_phone_numbers(api: Api) -> None:
    made = api.made("/credential", OPENAI)
    for body in ({"number": "+14155550100"}, {**TWILIO_NUMBER, "twilioAuthToken": None}):
        answer = refused(api.post("/phone-number", body | {"credentialId": made["id"]}))
        assert f"`credentialId` {made['id']} is of openai" in answer


# ------------------------------------------------------------------ addresses


PRIVATE = "http://169.254.169.254/latest"
ADDRESSES: dict[str, dict[str, Any]] = {
    "model.url": {"model": {"provider": "custom-llm", "url": PRIVATE}},
    "model.tools.1.server.url": {"model": {"tools": [{}, {"server": {"url": PRIVATE}}]}},
    "model.functions.0.serverUrl": {"model": {"functions": [{"serverUrl": PRIVATE}]}},
    "model.tools.0.url": {"model": {"tools": [{"type": "apiRequest", "url": PRIVATE}]}},
    "hooks.0.do.0.tool.url": {
        "hooks": [
            {
                "on": "call.ending",
                "do": [{"type": "tool", "tool": {"type": "apiRequest", "url": PRIVATE}}],
            }
        ]
    },
    "voice.server.url": {"voice": {"provider": "custom-voice", "server": {"url": PRIVATE}}},
    "credentials.0.apiUrl": {"credentials": [{**OPENAI, "apiUrl": PRIVATE}]},
    "credentials.0.authenticationPlan.url": {
        "credentials": [{"provider": "custom-llm", "authenticationPlan": {"url": PRIVATE}}]
    },
    "credentials.0.openAIEndpoint": {"credentials": [{**AZURE, "openAIEndpoint": PRIVATE}]},
}


@pytest.fixture
def strict(app: Flask) -> None:
    """Private addresses are refused, as in production."""
    context = app.extensions["patchbay"].context
    problem = lambda url: "no" if "169.254" in url else None  # noqa: E731
    object.__setattr__(context, "url_problem", problem)


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize(("path", "assistant"), ADDRESSES.items(), ids=ADDRESSES)
def test_an_address_of_a_clients_is_vetted(api: Api, path: str, assistant: Any) -> None:
    assert refused(api.post("/assistant", assistant)) == [f"{path}: no"]
    number = api.made("/phone-number", TWILIO_NUMBER)
    call = {
        "phoneCallProviderBypassEnabled": True,
        "phoneNumberId": number["id"],
        "customer": {"number": "+14155550111"},
    }
    answer = api.post("/call", call | {"assistant": assistant})
    assert refused(answer) == [f"assistant.{path}: no"]


@pytest.mark.usefixtures("strict")
def test_that_of_a_credential_too(api: Api) -> None:
    assert refused(api.post("/credential", OPENAI | {"apiUrl": PRIVATE})) == ["apiUrl: no"]


@pytest.mark.usefixtures("strict")
def test_a_clients_own_data_is_its_own(api: Api) -> None:
    """Nobody calls what stands there."""
    api.made("/assistant", {"metadata": {"server": {"url": PRIVATE}, "serverUrl": PRIVATE}})


def test_every_variable_is_of_a_vendor_with_that_field() -> None:
    for vendor in with_account().values():
        fields = vendor.credential
        assert set(vendor.extra_variables) <= {*fields.shown, *fields.sealed}
    assert url_fields() == {"apiUrl", "openAIEndpoint"}
