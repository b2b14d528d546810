"""``Idempotency-Key``: one key, one call."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app.domain.calls import idempotency
from app.wiring import Services
from tests.routes.api import TWILIO_NUMBER, UNKNOWN, Api, refused


@pytest.fixture
def body(api: Api) -> dict[str, Any]:
    return {
        "phoneCallProviderBypassEnabled": True,
        "phoneNumberId": api.made("/phone-number", TWILIO_NUMBER)["id"],
        "assistant": {"name": "Reception", "serverUrlSecret": "not to be kept in clear"},
        "customer": {"number": "+14155550111"},
    }


def send(api: Api, body: Mapping[str, Any], key: str, path: str = "/call") -> Any:
    return api.post(path, body, headers={"Idempotency-Key": key})


def count(api: Api) -> int:
    return len(api.get("/call").json)


@pytest.mark.parametrize("path", ["/call", "/call/phone"])
def test_the_same_again_is_the_same_call(api: Api, body: dict[str, Any], path: str) -> None:
    first = send(api, body, "a key", path)
    call = first.json
    api.patch(f"/call/{call['id']}", {"name": "changed since"})
    again = send(api, dict(reversed(body.items())), "a key")  # the order of fields says nothing
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.data == first.data
    assert count(api) == 1


def test_another_body_is_a_conflict_that_names_the_key(api: Api, body: dict[str, Any]) -> None:
    call = send(api, body, "a key").json
    message = refused(send(api, {**body, "name": "other"}, "a key"), 409)
    assert "'a key'" in message
    assert call["id"] in message
    assert count(api) == 1


def test_another_key_is_another_call(api: Api, body: dict[str, Any]) -> None:
    assert send(api, body, "one").json["id"] != send(api, body, "two").json["id"]


def test_without_a_key_every_request_is_a_call(api: Api, body: dict[str, Any]) -> None:
    assert api.made("/call", body)["id"] != api.made("/call", body)["id"]


def test_a_key_is_of_its_organisation(api: Api, other: Api, body: dict[str, Any]) -> None:
    ours = send(api, body, "a key").json
    number = other.made("/phone-number", {**TWILIO_NUMBER, "number": "+14155550199"})
    theirs = send(other, {**body, "phoneNumberId": number["id"]}, "a key")
    assert theirs.status_code == 201
    assert theirs.json["id"] != ours["id"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"maxDurationSeconds": 1},  # by the schema
        {"phoneNumberId": UNKNOWN},  # by the store
    ],
)
def test_what_was_refused_is_not_kept(
    api: Api, body: dict[str, Any], wrong: dict[str, Any]
) -> None:
    refused(send(api, {**body, **wrong}, "a key"))
    assert send(api, body, "a key").status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there", "umläut"])
def test_a_key_is_1_to_255_plain_characters(api: Api, body: dict[str, Any], key: str) -> None:
    assert "Idempotency-Key" in refused(send(api, body, key))


def test_the_longest_key(api: Api, body: dict[str, Any]) -> None:
    assert send(api, body, "x" * 255).json == send(api, body, "x" * 255).json


def test_at_once_makes_one_call(api: Api, body: dict[str, Any]) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: send(api, body, "a key"), range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.data for answer in answers}) == 1
    assert count(api) == 1


def test_a_deleted_call_takes_its_key_along(api: Api, body: dict[str, Any]) -> None:
    """Its answer is data of the call: erased is erased."""
    call = send(api, body, "a key").json
    api.delete(f"/call/{call['id']}")
    again = send(api, body, "a key")
    assert (again.status_code, count(api)) == (201, 1)
    assert again.json["id"] != call["id"]


@pytest.mark.parametrize(
    ("age", "kept"),
    [(timedelta(hours=23, minutes=59), True), (timedelta(hours=24, seconds=1), False)],
)
def test_keys_are_kept_for_a_day(
    app: Flask, api: Api, body: dict[str, Any], age: timedelta, kept: bool
) -> None:
    call = send(api, body, "a key").json
    services: Services = app.extensions["patchbay"]
    now = services.context.now() + age
    wait = idempotency.forget(replace(services.context, now=lambda: now), {})
    assert (send(api, body, "a key").json["id"] == call["id"]) is kept
    assert (wait is not None) is kept  # the job runs again while keys are left
    assert wait is None or 0 < wait <= 60


def test_the_kept_answer_is_sealed(app: Flask, api: Api, body: dict[str, Any]) -> None:
    """It holds the tokens of the call's document."""
    call = send(api, body, "a key").json
    services: Services = app.extensions["patchbay"]
    with services.store.read() as conn:
        row = conn.exec_driver_sql("SELECT * FROM idempotency_keys").one()
    assert call["phoneCallProviderDetails"]["twiml"] not in str(row)
    assert "a key" not in str(row)
