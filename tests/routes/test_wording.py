"""What is wrong with a body, in class-validator's words."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from app.routes.schemas.assistants import Assistant
from app.routes.schemas.base import MAX_METADATA, Model
from app.routes.schemas.calls import Control, CreateCall, ListCalls, UpdateCall
from app.routes.schemas.not_served import NOT_SERVED
from app.routes.schemas.wording import messages
from tests.routes.api import Api, refused

pytestmark = pytest.mark.any_store  # the subject: the words of errors

E164 = (
    "must be a valid phone number in the E.164 format. "
    "Hot tip, you may be missing the country code (Eg. US: +1)."
)
ID = "7420f27a-30fd-4f49-a995-5549ae7cc00d"


def complaints(model: type[Model], body: Any) -> list[str]:
    try:
        model.model_validate(body)
    except ValidationError as error:
        return messages(error)
    return []


WRONG_CALLS: list[tuple[dict[str, Any], str]] = [
    ({"foo": 1}, "property foo should not exist"),
    # no workflows here: refused by name instead of passed over
    ({"workflowId": ID}, f"property workflowId should not exist: {NOT_SERVED['workflowId']}"),
    ({"workflow": {"name": "x"}}, f"property workflow should not exist: {NOT_SERVED['workflow']}"),
    ({"assistantId": "x"}, "assistantId must be a UUID"),
    ({"assistantId": 7}, "assistantId must be a string"),
    ({"phoneNumberId": ID + "0"}, "phoneNumberId must be a UUID"),
    ({"maxDurationSeconds": 9}, "maxDurationSeconds must not be less than 10"),
    ({"maxDurationSeconds": 3601}, "maxDurationSeconds must not be greater than 3600"),
    ({"maxDurationSeconds": "600"}, "maxDurationSeconds must be an integer number"),
    ({"maxDurationSeconds": 600.5}, "maxDurationSeconds must be an integer number"),
    ({"maxDurationSeconds": True}, "maxDurationSeconds must be an integer number"),
    (
        {"type": "vapi.websocketCall"},
        "type must be one of the following values: outboundPhoneCall, inboundPhoneCall, webCall",
    ),
    (
        {"type": "webCall", "phoneNumberId": ID},
        "`phoneNumberId` is for phone calls: leave it out.",
    ),
    (
        {"transport": {"provider": "vapi.websocket"}, "schedulePlan": {"earliestAt": "2030-01-01"}},
        "`schedulePlan` is for phone calls: leave it out.",
    ),
    (
        {"transport": {"provider": "vapi.websocket"}, "type": "webCall"},
        "`transport` makes a call of its own type: leave out `type`.",
    ),
    ({"sipEnabled": True}, "`sipEnabled` is for calls with `type` `webCall`."),
    (
        {"transport": {"provider": "twilio"}},
        "transport.provider must be one of the following values: vapi.websocket",
    ),
    (
        {
            "transport": {
                "provider": "vapi.websocket",
                "audioFormat": {"format": "mulaw", "sampleRate": 16000},
            }
        },
        "transport.audioFormat.format and sampleRate must be one of: "
        "pcm_s16le 8000, pcm_s16le 16000, pcm_s16le 24000, mulaw 8000",
    ),
    (
        {"phoneCallProviderBypassEnabled": "true"},
        "phoneCallProviderBypassEnabled must be a boolean value",
    ),
    (
        {"phoneCallProviderBypassEnabled": 1},
        "phoneCallProviderBypassEnabled must be a boolean value",
    ),
    ({"metadata": []}, "metadata must be an object"),
    ({"metadata": "a"}, "metadata must be an object"),
    (
        {"metadata": {"a": "x" * MAX_METADATA}},
        "metadata must not be larger than 16384 bytes of JSON",
    ),
    ({"name": "n" * 41}, "name must be shorter than or equal to 40 characters"),
    ({"assistant": []}, "assistant must be an object"),
    ({"customer": {"number": "4155551234"}}, f"customer.number {E164}"),
    ({"customer": {"number": "+1415555123٤"}}, f"customer.number {E164}"),
    (
        {"customer": {"number": "+14155551234\n"}},
        "customer.number must not hold control characters",
    ),
    ({"customer": {"number": "anonymous"}}, f"customer.number {E164}"),  # whom to dial?
    ({"customer": {"numbr": "+1"}}, "customer.property numbr should not exist"),
    (
        {"customer": {"number": "a b", "numberE164CheckEnabled": False}},
        "customer.number must be 3 to 40 letters and digits, with or without a plus before them",
    ),
    (
        {"customer": {"extension": "1" * 31}},
        "customer.extension must be shorter than or equal to 30 characters",
    ),
    ({"phoneNumber": {"twilioPhoneNumber": "me"}}, f"phoneNumber.twilioPhoneNumber {E164}"),
    (
        {"phoneNumber": {"workflowId": "x"}},
        f"phoneNumber.property workflowId should not exist: {NOT_SERVED['workflowId']}",
    ),
    (
        {"phoneNumber": {"server": {"url": "ftp://x"}}},
        "phoneNumber.server.url must be a URL address",
    ),
    (
        {"phoneNumber": {"fallbackDestination": {"type": "number"}}},
        "phoneNumber.fallbackDestination.number should not be empty",
    ),
    (
        {"phoneCallProviderReturnUrl": "http://example.com/"},
        "phoneCallProviderReturnUrl must be an https URL (http is for localhost only)",
    ),
    (
        {"phoneCallProviderReturnUrl": "https://x/" + "y" * 2000},
        "phoneCallProviderReturnUrl must be a URL address",
    ),
    (
        {"phoneCallProviderReturnUrl": "https://x/\n"},
        "phoneCallProviderReturnUrl must be a URL address",
    ),
    (
        {"phoneCallProviderReturnUrl": "https://[x/"},
        "phoneCallProviderReturnUrl must be a URL address",
    ),
    (
        {"assistantId": ID, "assistant": {}},
        "Use either `assistantId` or `assistant`, not both.",
    ),
    (
        {"customerId": ID, "customer": {}, "phoneNumberId": ID, "phoneNumber": {}},
        "Use either `customerId` or `customer` and either `phoneNumberId` or `phoneNumber`, "
        "not both.",
    ),
]


@pytest.mark.parametrize(("body", "message"), WRONG_CALLS)
def test_wrong_call(body: dict[str, Any], message: str) -> None:
    assert complaints(CreateCall, body) == [message]


WRONG_ASSISTANTS: list[tuple[dict[str, Any], str]] = [
    ({"serverMessages": [1]}, "each value in serverMessages must be a string"),
    ({"serverMessages": "all"}, "serverMessages must be an array"),
    ({"server": {"timeoutSeconds": 301}}, "server.timeoutSeconds must not be greater than 300"),
    (
        {"server": {"timeoutSeconds": "5"}},
        "server.timeoutSeconds must be a number conforming to the specified constraints",
    ),
    ({"server": {"headers": {"a": "b\r\nc: d"}}}, "must not hold control characters"),
    (
        {"server": {"backoffPlan": {"type": "fixed", "maxRetries": 11, "baseDelaySeconds": 1}}},
        "server.backoffPlan.maxRetries must not be greater than 10",
    ),
    ({"server": {"backoffPlan": {}}}, "server.backoffPlan.type should not be empty"),
    ({"transport": {"provider": "stream"}}, "transport.url should not be empty"),
    (
        {"transport": {"provider": "stream", "url": "https://x"}},
        "transport.url must be a URL address",
    ),
    ({"maxDurationSeconds": 43201}, "maxDurationSeconds must not be greater than 43200"),
]


@pytest.mark.parametrize(("body", "message"), WRONG_ASSISTANTS)
def test_wrong_assistant(body: dict[str, Any], message: str) -> None:
    assert message in complaints(Assistant, body)[0]


BYPASS = {"phoneCallProviderBypassEnabled": True}
# What carriers write where a caller has no number or withholds it.
WITHHELD = (
    *("anonymous", "Anonymous", "unknown", "Restricted", "Unavailable", "+266696687", "private"),
    *("sip:alice@pbx.example", "client:alice", "1234", "", "4155551234"),
)

RIGHT: list[tuple[type[Model], dict[str, Any]]] = [
    (CreateCall, {}),  # what is missing is the domain's to say
    (CreateCall, {"maxDurationSeconds": 10}),  # the page prints 10 < x, its schema means 10 <= x
    (CreateCall, {"maxDurationSeconds": 3600}),
    (CreateCall, {"maxDurationSeconds": 600.0}),  # JSON has one kind of number
    (CreateCall, {"assistantId": None, "assistant": {}}),  # null is not given
    (CreateCall, {"customer": {"number": "x99", "numberE164CheckEnabled": False}}),
    *[(CreateCall, {**BYPASS, "customer": {"number": number}}) for number in WITHHELD],
    (CreateCall, {"customer": {"number": ""}}),
    (CreateCall, {"customer": {"number": "+14155551234", "sipUri": "sip:a@example.com"}}),
    (CreateCall, {"phoneNumber": {"twilioPhoneNumber": "14155551234"}}),  # the plus is added
    (CreateCall, {"phoneCallProviderReturnUrl": "http://localhost:8000/back"}),
    (CreateCall, {"assistantOverrides": {"variableValues": {"a": {"b": [1]}}, "any": None}}),
    (Assistant, {"model": {"provider": "openai"}, "voicemailDetection": "off"}),
    (Assistant, {"transport": {"provider": "vapi.websocket", "audioFormat": {}}}),
    (UpdateCall, {"name": None, "metadata": None}),
    (Control, {"type": "end-call"}),
    (ListCalls, {"limit": "0", "createdAtGt": "2024-09-10T11:14:12.339Z"}),
    (ListCalls, {"createdAtGt": "2024-09-10T11:14:12 02:00"}),  # a plus nobody escaped
    (ListCalls, {"createdAtGt": "2024-09-10"}),
]


@pytest.mark.parametrize(("model", "body"), RIGHT)
def test_right(model: type[Model], body: dict[str, Any]) -> None:
    assert complaints(model, body) == []


WRONG_LISTS: list[tuple[dict[str, Any], str]] = [
    ({"limit": "1001"}, "limit must not be greater than 1000"),
    ({"limit": "-1"}, "limit must not be less than 0"),
    ({"limit": "all"}, "limit must be an integer number"),
    ({"page": "2"}, "property page should not exist"),
    ({"createdAtGt": "yesterday"}, "createdAtGt must be a valid ISO 8601 date string"),
    ({"createdAtGt": "0001-01-01"}, "createdAtGt must be a valid ISO 8601 date string"),
    ({"createdAtGt": ["2024-01-01"] * 2}, "createdAtGt must be a valid ISO 8601 date string"),
    ({"phoneCallProviderId": "a\0"}, "phoneCallProviderId must not hold control characters"),
    (
        {"status": "over"},
        "status must be one of the following values: "
        "scheduled, queued, ringing, in-progress, forwarding, ended",
    ),
]


@pytest.mark.parametrize(("query", "message"), WRONG_LISTS)
def test_wrong_list(query: dict[str, Any], message: str) -> None:
    assert complaints(ListCalls, query) == [message]


THERE = {"type": "number", "number": "+14155550188"}
MUTES = "mute-assistant, unmute-assistant, mute-customer, unmute-customer, say-first-message"
WRONG_CONTROLS: list[tuple[dict[str, Any], str]] = [
    # Vapi's, and not ours
    ({"type": "handoff"}, "destination should not be empty"),
    (
        {"type": "handoff", "destination": {"type": "number", "number": "+14155550188"}},
        "destination.type must be assistant",
    ),
    (
        {"type": "transfer", "destination": {"type": "assistant", "assistantName": "Bob"}},
        "destination.type must be number or sip",
    ),
    # nobody's
    (
        {"type": "end"},
        "type must be one of the following values: end-call, transfer, handoff, say, add-message, control, take-over, give-back",
    ),
    # each without what it is about
    ({"type": "transfer"}, "destination should not be empty"),
    ({"type": "say"}, "content should not be empty"),
    ({"type": "say", "content": ""}, "content should not be empty"),
    ({"type": "add-message"}, "message should not be empty"),
    ({"type": "control"}, "control should not be empty"),
    # the carrier speaks before a transfer, and not for long
    (
        {"type": "transfer", "destination": THERE, "content": "a" * 1001},
        "content must be shorter than or equal to 1000 characters",
    ),
    (
        {"type": "say", "content": "a" * 5001},
        "content must be shorter than or equal to 5000 characters",
    ),
    # roles that need more than words
    (
        {"type": "add-message", "message": {"role": "tool", "content": "4"}},
        "message.role must be one of the following values: system, user, assistant",
    ),
    (
        {"type": "control", "control": "mute"},
        f"control must be one of the following values: {MUTES}",
    ),
]


@pytest.mark.parametrize(("body", "message"), WRONG_CONTROLS)
def test_wrong_control(body: dict[str, Any], message: str) -> None:
    assert complaints(Control, body) == [message]


def test_several_at_once(api: Api) -> None:
    """As Vapi answered a phone body sent to its web endpoint."""
    body = {"assistantOverride": {"a": 1}, "workflow": {"a": 1}, "maxDurationSeconds": 1}
    assert refused(api.post("/call", body)) == [
        "maxDurationSeconds must not be less than 10",
        "property assistantOverride should not exist",
        f"property workflow should not exist: {NOT_SERVED['workflow']}",
    ]


def test_path_and_body_are_judged_together(api: Api) -> None:
    assert refused(api.patch("/call/x", {"foo": 1})) == [
        "id must be a UUID",
        "property foo should not exist",
    ]
