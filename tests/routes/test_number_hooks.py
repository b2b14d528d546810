"""``hooks`` of a phone number: what is refused, what is told, and what comes back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.routes.api import TWILIO_NUMBER, Api, refused

SAY = {"type": "say", "exact": "Closed."}
THERE = {"type": "number", "number": "+14155550188"}
STARTS = {"type": "startsWith", "key": "number", "startsWith": ["49"]}
FAILED = {"type": "oneOf", "key": "call.endedReason", "oneOf": ["assistant-request-failed"]}


def rings(*actions: Any, **more: Any) -> dict[str, Any]:
    return {"on": "call.ringing", "do": list(actions), **more}


def ends(action: Any, **more: Any) -> dict[str, Any]:
    return {"on": "call.ending", "do": action, **more}


WRONG: list[tuple[Any, str]] = [
    ({}, "hooks.0.on should not be empty"),
    (
        {"on": "call.begun", "do": [SAY]},
        "hooks.0.on must be one of the following values: call.ringing, call.ending",
    ),
    (rings(), "hooks.0.do must have 1 to 10 entries"),
    (
        rings({"type": "tool"}),
        "hooks.0.do.0.type must be one of the following values: say, transfer",
    ),
    (rings({"type": "say", "exact": " "}), "hooks.0.do.0.exact should not be empty"),
    (
        rings({"type": "say", "exact": "x" * 4001}),
        "hooks.0.do.0.exact must be shorter than or equal to 4000 characters",
    ),
    (rings({"type": "transfer"}), "hooks.0.do.0.destination should not be empty"),
    (
        rings({"type": "transfer", "destination": {"type": "assistant"}}),
        "hooks.0.do.0.destination.type must be one of the following values: number, sip",
    ),
    (
        rings({"type": "transfer", "destination": {**THERE, "transferPlan": {"mode": "x"}}}),
        "hooks.0.do.0.destination.transferPlan.mode",
    ),
    (
        rings(SAY, filters=[{**STARTS, "startsWith": ["+49"]}]),
        "hooks.0.filters.0.each value in startsWith must be 1 to 20 digits, without the plus",
    ),
    (
        rings(SAY, filters=[{**STARTS, "startsWith": []}]),
        "hooks.0.filters.0.startsWith must have 1 to 20 entries",
    ),
    (
        rings(SAY, filters=[{"type": "startsWith", "key": "number"}]),
        "hooks.0.filters.0.startsWith should not be empty",
    ),
    (
        rings(SAY, filters=[FAILED]),
        "hooks.0.filters.0.type must be one of the following values: startsWith",
    ),
    (
        ends(SAY, filters=[{**FAILED, "oneOf": ["customer-busy"]}]),
        "hooks.0.filters.0.each value in oneOf must be one of the following values: assistant-req",
    ),
    (ends([SAY, SAY]), "hooks.0.do must be one action"),
    ({"on": "call.ending"}, "hooks.0.do should not be empty"),
]


@pytest.mark.parametrize(("hook", "message"), WRONG, ids=[each[1] for each in WRONG])
def test_a_hook_that_can_never_work_is_refused(entry: Api, hook: Any, message: str) -> None:
    answer = entry.post("/phone-number", {**TWILIO_NUMBER, "hooks": [hook]})
    assert any(each.startswith(message) for each in refused(answer)), answer.text


def test_they_come_back_as_they_were_sent(api: Api) -> None:
    to = {"type": "transfer", "destination": {"type": "sip", "sipUri": "sip:desk@pbx.example"}}
    hooks = [rings(SAY, to, filters=[STARTS]), ends(to, filters=[FAILED])]
    number = api.post("/phone-number", {**TWILIO_NUMBER, "hooks": hooks})
    assert number.status_code == 201, number.text
    path = f"/phone-number/{number.json['id']}"
    assert api.get(path).json["hooks"] == hooks
    assert api.patch(path, {"hooks": hooks}).json["hooks"] == hooks
    assert "hooks" not in api.patch(path, {"hooks": None}).json


def test_what_has_no_effect_or_is_not_dialled_is_told(api: Api) -> None:
    closed = {"type": "number", "number": "+4930123456"}
    given = {
        "hooks": [rings({"type": "transfer", "destination": closed}, SAY)],
        "fallbackDestination": closed,
    }
    told = str(api.post("/phone-number", {**TWILIO_NUMBER, **given}).headers.getlist("Warning"))
    assert "hooks.0.do.0.destination.number: no transfer goes there: number is of DE" in told
    assert "fallbackDestination.number: no transfer goes there" in told
    assert "hooks.0.do.1" in told


def test_one_of_a_calls_own_number_is_checked_too(entry: Api) -> None:
    body = {
        "phoneNumber": {**TWILIO_NUMBER, "hooks": [rings()]},
        "customer": {"number": "+14155550111"},
        "assistant": {},
    }
    assert "phoneNumber.hooks.0.do must have" in str(refused(entry.post("/call", body)))
