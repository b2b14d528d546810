"""Every entrance that takes an id reads it by one rule: capitals are the same id, other forms none."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, cast

import pytest
from click.testing import CliRunner
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from app import default_org
from app.cli import main as cli
from app.domain.calls.facts import MonitorEndpoint
from app.domain.ids import parse_uuid, uuid_of
from app.domain.services.media import MediaService
from app.media.monitor.endpoint import MonitorServer
from app.media.socket import Socket
from app.routes.schemas.base import Model
from app.settings import CarrierSettings, Settings
from app.store import accounts
from app.wiring import Services
from providers.errors import Refused
from tests.domain.live_call import ECHO, call_of
from tests.fakes.carriers.leg import OURS, Leg
from tests.fakes.carriers.twilio import TwilioLeg
from tests.fakes.client_server import Receiver, Reply
from tests.routes.api import ACCOUNT, TOKEN, UNKNOWN, Api, organisation
from tests.routes.test_auth import is_api

pytestmark = pytest.mark.any_store  # the subject: how an id is read

ID = "70bfc30f-1d2e-4f56-8a9b-abcdefabcdef"
NO_UUIDS = [
    f"{{{ID}}}",  # Microsoft's braces
    f"urn:uuid:{ID}",
    ID.replace("-", ""),
    f"{ID} ",
    f" {ID}",
    f"{ID}\n",
    f"{ID[:-1]}\u0661",  # an Arabic digit
    f"{ID[:-1]}\uff41",  # a full-width letter
    f"{ID[:-1]}\u017f",  # a letter whose upper case is S
    ID[:-1],
    f"{ID}0",
    f"{ID[:-1]}g",
    ID.replace("-", "_"),
    "",
]


@pytest.mark.parametrize("written", [ID, ID.upper(), ID.title()])
def test_capitals_are_the_same_id(written: str) -> None:
    assert parse_uuid(written) == ID


@pytest.mark.parametrize("written", NO_UUIDS)
def test_other_forms_are_no_ids(written: str) -> None:
    assert parse_uuid(written) is None


@given(st.uuids())
def test_every_uuid_is_read(any_uuid: uuid.UUID) -> None:
    assert parse_uuid(str(any_uuid).upper()) == str(any_uuid)
    assert uuid_of(any_uuid.bytes) == str(any_uuid)


# ------------------------------------------------------------------ entrances

Write = Callable[[str], str]
WRITINGS = pytest.mark.parametrize(
    ("write", "is_known"),
    [
        pytest.param(str.lower, True, id="small"),
        pytest.param(str.upper, True, id="capitals"),
        pytest.param(lambda text: f"{{{text}}}", False, id="braces"),
    ],
)


def answered_by_query(api: Api, leg: Leg, assistant: str, write: Write) -> str | None:
    """``/twilio/inbound_call?assistantId=`` and ``/vonage/answer?assistantId=``."""
    type(leg).number_of(api)
    leg.arrive({"assistantId": write(assistant)})
    return call_of(api, leg).get("assistantId")


def answered_by_server(api: Api, leg: Leg, assistant: str, write: Write) -> str | None:
    """The reply to ``assistant-request``."""
    body = json.dumps({"assistantId": write(assistant)}).encode()
    with Receiver(reply=Reply(body=body)) as server:
        type(leg).number_of(api, server={"url": server.url})
        leg.arrive()
    return call_of(api, leg).get("assistantId")


def answered_by_number(api: Api, leg: Leg, assistant: str, write: Write) -> str | None:
    """``POST /phone-number``."""
    body = {"provider": "vonage", "number": OURS, "assistantId": write(assistant)}
    type(leg).credential_of(api)
    [own] = api.request("GET", "/credential").json or []
    body |= {"provider": leg.name, "credentialId": write(own["id"])}
    made = api.post("/phone-number", body)
    if made.status_code != 201:
        return None
    leg.arrive()
    return call_of(api, leg).get("assistantId")


LEG_ENTRANCES = [answered_by_query, answered_by_server, answered_by_number]


@WRITINGS
@pytest.mark.parametrize("entrance", LEG_ENTRANCES, ids=lambda entrance: entrance.__name__)
def test_a_leg_is_answered_by_that_assistant(
    app: Flask,
    api: Api,
    carrier: type[Leg],
    entrance: Callable[[Api, Leg, str, Write], str | None],
    write: Write,
    is_known: bool,
) -> None:
    assistant = api.made("/assistant", ECHO)["id"]
    assert entrance(api, carrier(app), assistant, write) == (assistant if is_known else None)


@WRITINGS
def test_the_markup_of_a_call(app: Flask, api: Api, write: Write, is_known: bool) -> None:
    call = api.call()
    answer = TwilioLeg(app).fetch(f"/twilio/calls/{write(call['id'])}/twiml")
    assert ("<Stream" in answer.text) is is_known


@WRITINGS
@pytest.mark.parametrize("field", ["assistantId", "customerId", "phoneNumberId"])
def test_the_body_of_a_call(api: Api, field: str, write: Write, is_known: bool) -> None:
    ids = {
        "assistantId": api.made("/assistant", ECHO)["id"],
        "customerId": api.made("/customer", {"number": "+14155550111"})["id"],
        "phoneNumberId": TwilioLeg.number_of(api)["id"],
    }
    body = {"phoneCallProviderBypassEnabled": True, **ids, field: write(ids[field])}
    answer = api.post("/call", body)
    assert answer.status_code == (201 if is_known else 400), answer.text
    assert not is_known or ids[field] in answer.text


@WRITINGS
@pytest.mark.parametrize("field", ["id", "assistantId", "phoneNumberId"])
@pytest.mark.parametrize("path", ["/call", "/v2/call"])
def test_the_query_of_a_list(api: Api, path: str, field: str, write: Write, is_known: bool) -> None:
    call = api.call(assistant=None, assistantId=api.made("/assistant", ECHO)["id"])
    answer = api.get(path, **{field: write(call[field])})
    assert answer.status_code == (200 if is_known else 400), answer.text
    assert not is_known or call["id"] in answer.text


@WRITINGS
def test_every_path_of_the_api(app: Flask, api: Api, write: Write, is_known: bool) -> None:
    """Braces are refused as the field; anything else is told of the id in small letters."""
    tried = 0
    for rule in filter(lambda rule: is_api(app, rule), app.url_map.iter_rules()):
        if not rule.arguments & {"id", "messageId"}:
            continue
        path = re.sub(r"<\w+>", write(ID), rule.rule)
        for method in (rule.methods or set()) - {"OPTIONS", "HEAD"}:
            answer = api.request(method, path, {"type": "end-call"} if "control" in path else {})
            complaint = "must be a UUID" in answer.text
            assert complaint is not is_known, (method, path, answer.text)
            assert not is_known or answer.status_code == 400 or ID in answer.text
            tried += 1
    assert tried > 20


def test_every_field_of_a_request_that_is_an_id(app: Flask) -> None:
    """Ids of ours, not the carriers' and vendors' own."""
    found = {
        f"{model.__name__}.{name}": str(field)
        for model in models(Model)
        for name, field in model.model_json_schema()["properties"].items()
        if name in {"id", "messageId", "assistantId", "customerId", "phoneNumberId", "credentialId"}
    }
    assert len(found) > 8
    assert [name for name, schema in found.items() if "uuid" not in schema] == []


def models(base: type[Model]) -> Iterator[type[Model]]:
    """All of the requests' that have fields."""
    for model in base.__subclasses__():
        yield from models(model)
        if model.model_fields:
            yield model


@WRITINGS
def test_one_who_listens(app: Flask, api: Api, write: Write, is_known: bool) -> None:
    context = app.extensions["patchbay"].context
    call = api.call()["id"]
    heard: list[str] = []

    class Door:
        def find_monitor(self, call_id: str, token: str) -> MonitorEndpoint | None:
            if token != context.vault.sign(f"listen {call_id}"):
                raise Refused("another call's token")
            heard.append(call_id)
            return None

    class Ear:
        async def accept(self) -> None: ...
        async def refuse(self, status: int) -> None: ...
        async def close(self, code: int, word: str) -> None: ...

    listening = MonitorServer(cast(MediaService, Door()), lambda _: None)
    query = f"token={context.vault.sign(f'listen {call}')}".encode()
    scope = {"path": f"/listen/{write(call)}", "query_string": query}
    asyncio.run(listening.serve(scope, cast(Socket, Ear())))
    assert heard == ([call] if is_known else [])


@WRITINGS
def test_the_setting_of_the_default_numbers(
    settings: Settings, write: Write, is_known: bool
) -> None:
    account: dict[str, Any] = {"accountSid": ACCOUNT, "authTokens": [TOKEN]}
    carrier = CarrierSettings("twilio", account, OURS)
    named = replace(settings, assistant_id=write(ID)[:36], carriers=(carrier,))
    services = Services(named)
    default_org.create_default_org(services.context)
    with services.store.read() as conn:
        [number] = accounts.numbers(conn, "twilio", OURS)
    assert (number["assistant_id"] == ID) is is_known
    services.store.close()


@WRITINGS
def test_the_command_that_revokes_a_key(
    app: Flask,
    monkeypatch: pytest.MonkeyPatch,
    write: Write,
    is_known: bool,
) -> None:
    """By its id; a key's beginning in clear is another thing, and has capitals of its own."""
    organisation(app, ID, "key of the third")
    monkeypatch.setattr(cli, "_services", lambda: app.extensions["patchbay"])
    outcome = CliRunner().invoke(cli.main, ["keys", "revoke", write(ID)])
    assert (outcome.exit_code == 0) is is_known, outcome.output


def test_an_unknown_id_is_still_unknown(api: Api) -> None:
    answer = api.get(f"/assistant/{UNKNOWN}")
    assert answer.status_code == 404
