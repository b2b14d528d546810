"""What docs/compatibility.md says of Vapi's API is true, of this program and of Vapi's document.

That document is no part of this project: it is looked for beside the checkout, or where
VAPI_OPENAPI says. Where there is none the tests say so on the terminal, and pass.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from app.domain.costs import items as costs
from app.routes.not_kept import NOT_KEPT
from app.routes.schemas.calls import CreateCall
from app.routes.schemas.customers import CalledCustomer
from app.routes.schemas.not_served import NOT_SERVED
from app.routes.schemas.phone_numbers import TransientPhoneNumber
from app.routes.schemas.responses import Call
from app.store import calls
from docs import compatibility as page
from providers.events import EndedReason
from tests.routes.api import TWILIO_NUMBER, UNKNOWN, VONAGE_CREDENTIAL, Api, refused

pytestmark = pytest.mark.any_store  # the subject: the API's shapes

ROOT = Path(__file__).parents[2]
BESIDE = ROOT.parent / "shared" / "reference" / "vapi-openapi.json"

VARIABLE = re.compile(r"<(?:[a-z]+:)?id>")
CUSTOMER = {"number": "+14155550123"}
BYPASS = {"phoneCallProviderBypassEnabled": True}

SAMPLES: dict[str, Any] = {
    "assistantVersion": "v1",
    "workflow": {"name": "w", "nodes": [], "edges": []},
    "workflowId": UNKNOWN,
    "workflowOverrides": {"variableValues": {}},
}
"""A value for each refused field, good at Vapi's."""


@lru_cache(maxsize=1)
def read() -> dict[str, Any] | None:
    path = Path(os.environ.get("VAPI_OPENAPI", BESIDE))
    if path.exists():
        return json.loads(path.read_text())
    print("\n*** NOT COMPARED: Vapi's OpenAPI document is not here", file=sys.stderr)
    return None


@pytest.fixture
def vapi(capfd: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Vapi's document; an empty one, and loud words, where there is none."""
    with capfd.disabled():
        return read() or {}


def properties(document: Mapping[str, Any], name: str) -> set[str]:
    return set(document["components"]["schemas"][name]["properties"])


def faults(document: Mapping[str, Any], name: str, value: Any) -> list[str]:
    """What of the value is not as Vapi's schema says."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    return [
        f"{'.'.join(map(str, error.path))}: {error.message[:200]}"
        for error in Draft202012Validator(schema).iter_errors(value)
    ]


def fields(model: type[BaseModel]) -> set[str]:
    return {str(field.alias) for field in model.model_fields.values()}


def new_call(api: Api, carrier: str, **more: Any) -> dict[str, Any]:
    """The body of a call."""
    if carrier == "twilio":
        number = api.made("/phone-number", TWILIO_NUMBER)
    else:
        credential = api.made("/credential", VONAGE_CREDENTIAL)
        number = api.made(
            "/phone-number",
            {
                "provider": "vonage",
                "vonagePhoneNumber": "14155550100",
                "credentialId": credential["id"],
            },
        )
    body = {"phoneNumberId": number["id"], "assistant": {"name": "Desk"}, "customer": CUSTOMER}
    return {**body, **more}


# ------------------------------------------------------------------ of this program


def test_requests_are_served_or_not_as_said(app: Flask) -> None:
    ours = {
        f"{method} {VARIABLE.sub(r'{id}', rule.rule)}"
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
    }
    assert set(page.SERVED) <= ours
    assert not ours & set(page.NOT_SERVED_PATHS)
    families = {family(request) for request in ours if request.split()[1] not in NOT_KEPT}
    assert not families & set(page.NOT_SERVED_FAMILIES)


def test_fields_of_a_call_to_create_are_those_said() -> None:
    assert fields(CreateCall) == {*page.CREATE_CALL, *page.CREATE_CALL_OLDER}


def test_fields_of_a_call_are_those_said() -> None:
    assert fields(Call) == {*page.CALL, *page.CALL_OLDER}


def test_refused_fields_are_not_fields() -> None:
    assert not fields(CalledCustomer) & set(page.CUSTOMER_REFUSED)
    assert not fields(TransientPhoneNumber) & set(page.NUMBER_REFUSED)


@pytest.mark.parametrize("field", SAMPLES)
def test_a_refusal_says_why(api: Api, field: str) -> None:
    body = {**new_call(api, "twilio"), **BYPASS, field: SAMPLES[field]}
    message = f"property {field} should not exist: {NOT_SERVED[field]}"
    assert refused(api.post("/call", body)) == [message]


def test_every_refused_field_has_a_sample() -> None:
    assert set(NOT_SERVED) == set(SAMPLES)


# ------------------------------------------------------------------ of Vapi's document


def test_every_request_of_vapis_has_its_row(vapi: dict[str, Any]) -> None:
    rows = {*page.SERVED, *page.NOT_SERVED_PATHS}
    theirs = {
        f"{method.upper()} {path}"
        for path, methods in vapi.get("paths", {}).items()
        for method in methods
    }
    left = {request for request in theirs - rows if family(request) not in page.NOT_SERVED_FAMILIES}
    assert not left
    assert not theirs or rows <= theirs


def family(request: str) -> str:
    """The first part of its path, or the first two of the newer ones."""
    parts = request.split("/")
    return "/".join(parts[1:3]) if parts[1] == "v2" else parts[1]


def test_every_field_of_vapis_has_its_row(vapi: dict[str, Any]) -> None:
    if vapi:
        create = properties(vapi, "CreateCallDTO")
        assert create == set(page.CREATE_CALL) | set(NOT_SERVED)
        assert not create & set(page.CREATE_CALL_OLDER)
        call = properties(vapi, "Call")
        assert call == {*page.CALL, *page.CALL_ABSENT}
        assert not call & set(page.CALL_OLDER)
        customer = properties(vapi, "CreateCustomerDTO")
        assert customer - fields(CalledCustomer) == set(page.CUSTOMER_REFUSED)
        number = properties(vapi, "ImportTwilioPhoneNumberDTO")
        assert number - fields(TransientPhoneNumber) == set(page.NUMBER_REFUSED)


def test_reasons_that_are_gone(vapi: dict[str, Any]) -> None:
    if vapi:
        theirs = vapi["components"]["schemas"]["Call"]["properties"]["endedReason"]["enum"]
        assert [reason for reason in EndedReason if reason not in theirs] == list(page.GONE_REASONS)


@pytest.mark.parametrize("field", SAMPLES)
def test_the_samples_are_good_at_vapis(vapi: dict[str, Any], field: str) -> None:
    assert not vapi or not faults(vapi, "CreateCallDTO", {field: SAMPLES[field]})


@pytest.mark.parametrize("carrier", ["twilio", "vonage"])
def test_a_call_is_one_of_vapis(api: Api, vapi: dict[str, Any], carrier: str) -> None:
    """From its creation to its end, all that has a value at either."""
    body = new_call(
        api,
        carrier,
        name="first",
        assistantOverrides={"firstMessage": "Hello.", "variableValues": {"a": "b"}},
    )
    assert not vapi or not faults(vapi, "CreateCallDTO", body)
    call = api.made("/call", {**body, **BYPASS, "metadata": {"a": 1}, "maxDurationSeconds": 60})
    assert call.keys() <= {*page.CALL, *page.CALL_OLDER}
    api.post(f"/call/{call['id']}/control", {"type": "end-call"})
    ended = api.get(f"/call/{call['id']}").json
    assert ended["endedReason"] == "manually-canceled"
    for seen in (call, ended, *api.get("/call").json):
        assert not vapi or not faults(vapi, "Call", seen)


def test_costs_are_vapis(app: Flask, api: Api, vapi: dict[str, Any]) -> None:
    call = api.made("/call", {**new_call(api, "vonage"), **BYPASS})
    price = {"amount": "0.5", "currency": "EUR", "leg": "a"}
    item = costs.transport("vonage", {"price": price, "durationSeconds": 42}, {})
    with app.extensions["patchbay"].store.write() as conn:
        calls.update(conn, call["id"], {"body": costs.add({}, item)})
    seen = api.get(f"/call/{call['id']}").json
    assert seen["costs"] == [item]
    assert not vapi or not faults(vapi, "Call", seen)
    assert not vapi or not faults(vapi, "CallPaginatedResponse", api.get("/v2/call").json)


def test_resources_are_vapis(api: Api, vapi: dict[str, Any]) -> None:
    assistant = api.made("/assistant", {"name": "Desk", "firstMessage": "Hello."})
    for carrier in ("Twilio", "Vonage"):
        number_id = new_call(api, carrier.lower())["phoneNumberId"]
        number = api.get(f"/phone-number/{number_id}").json
        assert not vapi or not faults(vapi, f"{carrier}PhoneNumber", number)
    paged = api.get("/v2/phone-number").json
    assert paged["metadata"]["totalItems"] == 2
    assert not vapi or not faults(vapi, "PhoneNumberPaginatedResponse", paged)
    assert not vapi or not faults(vapi, "Assistant", assistant)
    # a destination is good as each of Vapi's two forms, where one only should fit
    member = {"assistantId": assistant["id"], "assistantOverrides": {"firstMessage": "Hi."}}
    squad = api.made("/squad", {"members": [member]})
    assert not vapi or not faults(vapi, "Squad", squad)
    call = api.call(assistant=None, squadId=squad["id"], squadOverrides={"firstMessage": "Hi."})
    assert not vapi or not faults(vapi, "Call", call)
