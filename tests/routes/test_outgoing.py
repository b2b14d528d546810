"""What will be sent as a header or a URL is judged when it comes, wherever it comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.routes.api import (
    ACCOUNT,
    TWILIO_NUMBER,
    VONAGE_CREDENTIAL,
    Api,
    refused,
)

URL = "https://client.example/hook"
Body = dict[str, Any]

SECRETS: dict[str, Callable[[Any], Body]] = {
    "server.secret": lambda bad: {"server": {"url": URL, "secret": bad}},
    "serverUrlSecret": lambda bad: {"serverUrl": URL, "serverUrlSecret": bad},
    "server.headers.X-Key": lambda bad: {"server": {"url": URL, "headers": {"X-Key": bad}}},
}
"""By path: fields of assistants and phone numbers."""
ASSISTANTS: dict[str, Callable[[Any], Body]] = {
    **SECRETS,
    "transport.headers.X-Key": lambda bad: {
        "transport": {"provider": "stream", "url": "wss://a.example", "headers": {"X-Key": bad}}
    },
    "model.headers.X-Key": lambda bad: {"model": {"headers": {"X-Key": bad}}},
    "model.tools.0.server.secret": lambda bad: {"model": {"tools": [{"server": {"secret": bad}}]}},
    "voice.server.headers.X-Key": lambda bad: {"voice": {"server": {"headers": {"X-Key": bad}}}},
    "transcriber.server.secret": lambda bad: {"transcriber": {"server": {"secret": bad}}},
    "credentials.0.apiKey": lambda bad: {"credentials": [{"provider": "openai", "apiKey": bad}]},
}
BAD = ["café", "a\nb", "a\r\nX-Other: b", " a", "a ", "\x7f"]
NAMES = ["X Y", "X:Y", "é", "X\nY", ""]


@pytest.fixture(scope="module")
def api(entry: Api) -> Api:
    return entry


@pytest.fixture(scope="module")
def number(api: Api) -> str:
    return str(api.made("/phone-number", {**TWILIO_NUMBER, "number": "+14155550178"})["id"])


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("field", ASSISTANTS)
def test_an_assistants(api: Api, field: str, bad: str) -> None:
    body = {"name": "x", **ASSISTANTS[field](bad)}
    [message] = refused(api.post("/assistant", body))
    assert message.startswith(f"{field} must")


@pytest.mark.parametrize("field", ASSISTANTS)
def test_a_good_one_is_accepted(api: Api, field: str) -> None:
    api.made("/assistant", {"name": "x", **ASSISTANTS[field]("a good-one: 7~")})


@pytest.mark.parametrize("field", ASSISTANTS)
def test_a_changed_assistants(api: Api, field: str) -> None:
    made = api.made("/assistant", {"name": "x"})
    [message] = refused(api.patch(f"/assistant/{made['id']}", ASSISTANTS[field]("é")))
    assert message.startswith(f"{field} must")


@pytest.mark.parametrize("part", ["assistant", "assistantOverrides"])
@pytest.mark.parametrize("field", ASSISTANTS)
def test_one_in_a_call(api: Api, number: str, field: str, part: str) -> None:
    body = {
        "phoneCallProviderBypassEnabled": True,
        "phoneNumberId": number,
        "customer": {"number": "+14155550111"},
        "assistant": {"name": "x"},
        part: ASSISTANTS[field]("é"),
    }
    [message] = refused(api.post("/call", body))
    assert message.startswith(f"{part}.{field} must")


@pytest.mark.parametrize("field", SECRETS)
def test_a_phone_number_in_a_call(api: Api, field: str) -> None:
    own = {name: value for name, value in TWILIO_NUMBER.items() if name != "provider"}
    body = {
        "phoneCallProviderBypassEnabled": True,
        "phoneNumber": {**own, **SECRETS[field]("é")},
        "customer": {"number": "+14155550111"},
        "assistant": {"name": "x"},
    }
    [message] = refused(api.post("/call", body))
    assert message.startswith(f"phoneNumber.{field} must")


@pytest.mark.parametrize("field", SECRETS)
def test_a_phone_numbers(api: Api, field: str) -> None:
    [message] = refused(api.post("/phone-number", {**TWILIO_NUMBER, **SECRETS[field]("é")}))
    assert message.startswith(f"{field} must")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("holder", ["server", "transport", "model"])
def test_the_name_of_a_header(api: Api, holder: str, name: str) -> None:
    given = {"transport": {"provider": "echo"}}.get(holder, {})
    body = {"name": "x", holder: {**given, "headers": {name: "b"}}}
    [message] = refused(api.post("/assistant", body))
    assert f"{holder}.headers.{name} must have a name" in message


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"provider": "deepgram", "apiKey": "ключ"}, "apiKey"),
        ({"provider": "azure", "apiKey": "key", "region": "a\nb"}, "region"),
        (
            {"provider": "twilio", "accountSid": ACCOUNT, "authToken": "café"},
            "authTokens must be plain ASCII",
        ),
        ({**VONAGE_CREDENTIAL, "apiSecret": "a\nb"}, "apiSecret must be plain ASCII"),
    ],
)
def test_a_credentials(api: Api, body: Body, field: str) -> None:
    assert field in str(refused(api.post("/credential", body)))


@pytest.mark.parametrize("uri", ["sip:é@a.example", "sip:a", "sip:a@b@c", "tel:1", "sip:a@b?x=y"])
def test_a_sip_uri_that_no_leg_can_be_sent_to(api: Api, uri: str) -> None:
    number = {**TWILIO_NUMBER, "fallbackDestination": {"type": "sip", "sipUri": uri}}
    assert "fallbackDestination" in str(refused(api.post("/phone-number", number)))
    refused(api.post("/customer", {"sipUri": uri}))


def test_a_sip_uri(api: Api) -> None:
    to = {"type": "sip", "sipUri": "sips:desk@pbx.example:5061;transport=tls"}
    wrong = {**TWILIO_NUMBER, "fallbackDestination": {**to, "extension": "12"}}
    [message] = refused(api.post("/phone-number", wrong))
    assert message == "fallbackDestination.extension is for numbers only"
    other = {**TWILIO_NUMBER, "number": "+14155550177", "fallbackDestination": to}
    api.made("/phone-number", other)
