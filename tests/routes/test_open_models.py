"""Fields that Vapi has inside an object, and that mean nothing here, are kept and given back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from app.domain.assistant.config import AssistantConfig
from app.routes.schemas.assistants import Assistant, AssistantOverrides
from app.routes.schemas.calls import (
    AudioFormat,
    Control,
    CreateCall,
    SchedulePlan,
    WebsocketTransport,
)
from app.routes.schemas.customers import CalledCustomer
from app.routes.schemas.phone_numbers import CreatePhoneNumber, TransientPhoneNumber
from tests.properties import with_one_store
from tests.routes.api import TWILIO_NUMBER, Api

NOTHING: list[Any] = [None, "", [], {}]
ROOTS = (Assistant, AssistantOverrides, Control, CreateCall, CreatePhoneNumber)
CLOSED = {
    SchedulePlan,  # a mistyped time would dial at once
    WebsocketTransport,  # a mistyped format would be noise
    AudioFormat,
    CalledCustomer,  # as at Vapi: a mistyped number would call nobody
    TransientPhoneNumber,  # a mistyped secret would be stored in clear
}

SERVER: dict[str, Any] = {
    "url": "https://client.example/hook",
    "timeoutSeconds": 20,
    "staticIpAddressesEnabled": True,
    "encryptedPaths": ["message.call.customer"],
    "backoffPlan": {
        "type": "exponential",
        "maxRetries": 3,
        "baseDelaySeconds": 1,
        "excludedStatusCodes": [400, 404],
        "jitterEnabled": True,
    },
}
DESTINATION: dict[str, Any] = {
    "type": "number",
    "number": "+14155550188",
    "numberE164CheckEnabled": True,
    "callerId": "+14155550100",
    "description": "The desk",
    "message": {"type": "custom-message", "contents": [{"type": "text", "text": "One moment."}]},
    "transferPlan": {"mode": "blind-transfer", "sipVerb": "refer"},
}
TOOL: dict[str, Any] = {
    "type": "apiRequest",
    "async": False,
    "server": SERVER,
    "backoffPlan": SERVER["backoffPlan"],
    "function": {"name": "book", "strict": True, "parameters": {"type": "object"}},
}
ASSISTANT: dict[str, Any] = {
    "server": SERVER,
    "transport": {"provider": "twilio", "conversationType": "voice", "recordingChannels": "mono"},
    "transportConfigurations": [{"provider": "twilio", "timeout": 60, "record": False}],
    "model": {
        "provider": "openai",
        "model": "gpt-4o",
        "tools": [TOOL, {"type": "transferCall", "destinations": [DESTINATION]}],
        "knowledgeBase": {"provider": "custom-knowledge-base", "server": SERVER},
    },
    "voice": {"provider": "custom-voice", "server": SERVER, "cachingEnabled": True},
    "transcriber": {"provider": "custom-transcriber", "server": SERVER},
    "voicemailDetection": {"provider": "vapi", "backoffPlan": {"startAtSeconds": 2}},
    "hooks": [{"on": "call.ending", "do": [{"type": "tool", "tool": TOOL}]}],
    "observabilityPlan": {"provider": "langfuse", "tags": []},
}
"""Vapi's own nested fields, at the places where real assistants have them."""

EMPTY = {
    "serverUrl": "",
    "serverUrlSecret": "",
    "server": {"url": ""},
    "transport": {"provider": "", "url": ""},
    "model": {"provider": "", "url": ""},
    "voice": {"provider": "", "voiceId": ""},
    "transcriber": {"provider": ""},
}


@pytest.fixture(scope="module")
def api(entry: Api) -> Api:
    return entry


def nested(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """The models of its fields, at every depth."""
    for field in model.model_fields.values():
        for each in models(field.annotation):
            yield each
            yield from nested(each)


def models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from models(inner)


@pytest.mark.parametrize("root", ROOTS)
def test_a_model_inside_another_is_open(root: type[BaseModel]) -> None:
    found = set(nested(root))
    assert {each for each in found if each.model_config.get("extra") != "allow"} <= CLOSED


def test_an_assistant_is_given_back_as_it_came(api: Api) -> None:
    made = api.made("/assistant", {"name": "whole", **ASSISTANT})
    seen = api.get(f"/assistant/{made['id']}").json
    assert {name: seen[name] for name in ASSISTANT} == ASSISTANT
    changed = api.patch(f"/assistant/{made['id']}", {"server": {**SERVER, "more": [1]}})
    assert changed.json["server"] == {**SERVER, "more": [1]}


def test_a_phone_number_is_given_back_as_it_came(api: Api) -> None:
    own = {"smsEnabled": True, "server": SERVER, "fallbackDestination": DESTINATION}
    made = api.made("/phone-number", {**TWILIO_NUMBER, "number": "+14155550161", **own})
    assert {name: made[name] for name in own} == own
    seen = api.patch(f"/phone-number/{made['id']}", {"smsEnabled": False}).json
    assert seen["smsEnabled"] is False
    assert seen["server"] == SERVER


def test_a_call_is_given_back_as_it_came(api: Api) -> None:
    number = {name: value for name, value in TWILIO_NUMBER.items() if name != "provider"}
    number = {**number, "smsEnabled": True, "server": SERVER, "fallbackDestination": DESTINATION}
    parts = {"assistant": ASSISTANT, "assistantOverrides": {"server": SERVER}}
    call = api.made(
        "/call",
        {"phoneCallProviderBypassEnabled": True, "phoneNumber": number, **parts}
        | {"customer": {"number": "+14155550111"}},
    )
    assert {name: call[name] for name in parts} == parts
    assert call["phoneNumber"]["server"] == SERVER
    assert call["phoneNumber"]["smsEnabled"] is True


NAMES = st.text("abcdefghij", min_size=4, max_size=12).map(lambda name: f"x{name}")
VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.just({"a": [1]})


@with_one_store()
@given(st.sampled_from(["server", "backoffPlan", "transport"]), NAMES, VALUES)
def test_any_unknown_field_is_kept(place: str, name: str, value: Any) -> None:
    body: dict[str, Any] = {
        "server": {**SERVER, name: value},
        "backoffPlan": {**SERVER["backoffPlan"], name: value},
        "transport": {"provider": "vapi.websocket", name: value},
    }
    sent = {"server": {**SERVER, "backoffPlan": body["backoffPlan"]}}
    sent = sent if place == "backoffPlan" else {place: body[place]}
    assert Assistant.model_validate(sent).sent() == sent


# ------------------------------------------------------------------ empty texts


def test_an_empty_text_is_not_given(api: Api) -> None:
    made = api.made("/assistant", {"name": "x", **EMPTY})
    config = AssistantConfig(made)
    assert config.server is None
    assert (config.model["provider"], config.voice["provider"]) == ("embedded", "embedded")
    call = api.call(assistant=EMPTY, assistantOverrides=EMPTY, phoneCallProviderReturnUrl="")
    assert "phoneCallProviderReturnUrl" not in call


def test_an_empty_override_leaves_the_assistants_own() -> None:
    own = {"serverUrl": "https://a.example", "voice": {"provider": "openai", "voiceId": "alloy"}}
    own = {**own, "firstMessage": "Hello."}
    config = AssistantConfig(own).with_overrides({**EMPTY, "firstMessage": ""})
    assert config.server is not None
    assert config.voice == own["voice"]
    assert config.json["firstMessage"] == ""  # a message without words is one
    free = {"metadata": {"url": ""}, "variableValues": {"provider": ""}}
    assert AssistantConfig({}).with_overrides(free).json == free


def test_an_empty_id_names_nothing(api: Api) -> None:
    number = api.made("/phone-number", {**TWILIO_NUMBER, "number": "+14155550162"})
    assert "assistantId" not in api.patch(f"/phone-number/{number['id']}", {"assistantId": ""}).json
    api.call(assistantId="", customerId="", phoneNumberId=number["id"])


# ------------------------------------------------------------------ withheld numbers


@pytest.mark.parametrize("number", ["anonymous", "Restricted", "sip:a@pbx.example", "", None, "12"])
@pytest.mark.parametrize("kind", ["inboundPhoneCall", "outboundPhoneCall"])
def test_a_withheld_number_is_a_customers(api: Api, number: str | None, kind: str) -> None:
    """A call in bypass mode dials nobody. What its flow knows of the caller is kept."""
    call = api.call(customer={"number": number}, type=kind)
    assert call["customer"].get("number") == number
    details = call["phoneCallProviderDetails"]
    side = details.get("from" if kind == "inboundPhoneCall" else "to")
    assert side == (number or None)


def test_nobody_at_all_is_a_customer_too(api: Api) -> None:
    number = api.made("/phone-number", {**TWILIO_NUMBER, "number": "+14155550163"})
    body = {"phoneCallProviderBypassEnabled": True, "phoneNumberId": number["id"]}
    api.made("/call", {**body, "assistant": {"name": "x"}})


@pytest.mark.parametrize("nothing", NOTHING, ids=repr)
def test_an_unserved_field_that_says_nothing_is_no_refusal(entry: Api, nothing: Any) -> None:
    """As clients send back what Vapi has answered."""
    number = {**TWILIO_NUMBER, "number": "+14155550149", "workflowId": nothing}
    made = entry.made("/phone-number", {**number, "twilioApiKey": nothing})
    call = {
        "phoneCallProviderBypassEnabled": True,
        "phoneNumberId": made["id"],
        "customer": {"number": "+14155550111", "nickname": nothing},
        "assistant": {},
        **dict.fromkeys(("workflow", "workflowId", "assistantVersion"), nothing),
    }
    assert entry.post("/call", call).status_code == 201
    assert entry.post("/call", {**call, "workflowId": "x"}).status_code == 400
    assert entry.delete(f"/phone-number/{made['id']}").status_code == 200
