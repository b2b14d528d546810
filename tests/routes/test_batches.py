"""``customers`` of POST /call: a call for each, once, and an error for whom nobody may call."""

from __future__ import annotations

from typing import Any

import pytest

from tests.routes.api import TWILIO_NUMBER, Api, refused

ANN, BOB, FAR = ({"number": n} for n in ("+14155550111", "+14155550122", "+252615550188"))
HEADERS = {"headers": {"Idempotency-Key": "a key"}}


@pytest.fixture
def body(api: Api) -> dict[str, Any]:
    number = {**TWILIO_NUMBER, "number": "+14155550100"}
    return {
        "phoneNumberId": api.made("/phone-number", number)["id"],
        "assistant": {"name": "Reception", "firstMessage": "Hello."},
        "assistantOverrides": {"variableValues": {"shop": "Main Street"}},
        "customers": [ANN, {**BOB, "assistantOverrides": {"variableValues": {"name": "Bob"}}}],
        "phoneCallProviderBypassEnabled": True,
    }


def count(api: Api) -> int:
    return len(api.get("/call").json)


def test_each_customer_has_a_call_with_its_own_overrides(api: Api, body: dict[str, Any]) -> None:
    answer = api.post("/call", body)
    assert (answer.status_code, answer.json["errors"]) == (201, [])
    first, second = answer.json["results"]
    assert [first["customer"], second["customer"]] == [ANN, BOB]
    assert first["assistantOverrides"]["variableValues"] == {"shop": "Main Street"}
    values = second["assistantOverrides"]["variableValues"]
    assert values == {"shop": "Main Street", "name": "Bob"}
    assert "phoneCallProviderDetails" in first
    assert "customers" not in first


def test_one_customers_overrides_hold_without_a_batch(api: Api, body: dict[str, Any]) -> None:
    customer = body.pop("customers")[1]
    call = api.made("/call", {**body, "customer": customer})
    assert call["customer"] == BOB
    assert call["assistantOverrides"]["variableValues"]["name"] == "Bob"


def test_who_may_not_be_called_is_an_error_and_the_others_are_called(
    api: Api, body: dict[str, Any]
) -> None:
    del body["phoneCallProviderBypassEnabled"]
    answer = api.post("/call", {**body, "customers": [ANN, FAR, BOB]}).json
    assert [each["customer"] for each in answer["results"]] == [ANN, BOB]
    (error,) = answer["errors"]
    assert error["customer"] == FAR
    assert "ALLOWED_COUNTRIES" in error["error"]
    assert count(api) == 2


def test_the_same_again_makes_only_what_is_missing(api: Api, body: dict[str, Any]) -> None:
    first = api.post("/call", body, **HEADERS).json
    api.delete(f"/call/{first['results'][1]['id']}")  # its key goes with it
    again = api.post("/call", body, **HEADERS).json
    assert again["results"][0] == first["results"][0]
    assert count(api) == 2
    assert api.post("/call", body, **HEADERS).json == again


def test_a_key_of_another_request_is_a_conflict(api: Api, body: dict[str, Any]) -> None:
    one = {name: value for name, value in body.items() if name != "customers"}
    api.post("/call", {**one, "customer": ANN}, **HEADERS)
    refused(api.post("/call", body, **HEADERS), 409)
    assert count(api) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"customers": []},
        {"customers": [ANN] * 101},
        {"customers": [ANN, {"number": 5}]},
        {"customer": ANN},
        {"schedulePlan": {"earliestAt": "tomorrow"}},
        {"schedulePlan": {}},
    ],
)
def test_a_request_that_is_not_valid_calls_nobody(
    api: Api, body: dict[str, Any], fields: dict[str, Any]
) -> None:
    refused(api.post("/call", {**body, **fields}))
    assert count(api) == 0
