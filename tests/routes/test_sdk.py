"""Vapi's own Python client, unmodified, against a real server of ours."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from vapi import (
    CreateApiRequestToolDto,
    CreateCustomerDto,
    CreateFunctionToolDto,
    CreateTwilioPhoneNumberDto,
    OpenAiFunction,
    Vapi,
)
from vapi.core.api_error import ApiError
from werkzeug.serving import make_server

from tests.routes.api import ACCOUNT, TOKEN, UNKNOWN, Api

pytestmark = pytest.mark.any_store  # the subject: the API's shapes


@pytest.fixture
def vapi(api: Api) -> Iterator[Vapi]:
    server = make_server("127.0.0.1", 0, api.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Vapi(token=api.key, base_url=f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def number(vapi: Vapi) -> Any:
    return vapi.phone_numbers.create(
        request=CreateTwilioPhoneNumberDto(
            number="+14155550100", twilio_account_sid=ACCOUNT, twilio_auth_token=TOKEN
        )
    )


def test_a_bypass_call(vapi: Vapi) -> None:
    assistant = vapi.assistants.create(name="Reception", first_message="Hello.")
    extra = {"phoneCallProviderBypassEnabled": True, "metadata": {"a": 1}}
    call: Any = vapi.calls.create(
        assistant_id=assistant.id,
        phone_number_id=number(vapi).id,
        customer=CreateCustomerDto(number="+14155550111"),
        request_options={"additional_body_parameters": extra},
    )
    assert call.status == "queued"
    assert call.assistant_id == assistant.id
    assert "<Connect>" in call.phoneCallProviderDetails["twiml"]
    assert vapi.calls.get(call.id).created_at == call.created_at
    assert [one.id for one in vapi.calls.list(limit=5)] == [call.id]
    assert vapi.calls.update(call.id, name="renamed").name == "renamed"
    assert vapi.calls.delete(call.id).id == call.id
    assert vapi.calls.list() == []


def test_resources(vapi: Vapi) -> None:
    made = vapi.assistants.create(name="Reception", metadata={"a": 1})
    assert vapi.assistants.update(made.id, name="Desk").name == "Desk"
    assert [one.name for one in vapi.assistants.list()] == ["Desk"]
    assert vapi.assistants.delete(made.id).id == made.id
    kept = number(vapi)
    assert (kept.provider, kept.status) == ("twilio", "active")
    assert [one.id for one in vapi.phone_numbers.list()] == [kept.id]
    assert vapi.phone_numbers.delete(kept.id).id == kept.id


def test_tools(vapi: Vapi) -> None:
    book = CreateFunctionToolDto(function=OpenAiFunction(name="book"))
    made: Any = vapi.tools.create(request=book)
    orders = CreateApiRequestToolDto(name="orders", method="GET", url="https://api.example/")
    other: Any = vapi.tools.create(request=orders)
    assert (made.type, made.function.name, other.url) == ("function", "book", orders.url)
    assert [one.id for one in vapi.tools.list()] == [other.id, made.id]
    assert vapi.tools.get(id=made.id).created_at == made.created_at
    model: Any = {"provider": "openai", "model": "gpt-4o", "toolIds": [made.id]}
    assistant: Any = vapi.assistants.create(model=model)
    assert assistant.model.tool_ids == [made.id]
    assert vapi.tools.delete(id=made.id).id == made.id


def test_an_error(vapi: Vapi) -> None:
    with pytest.raises(ApiError) as caught:
        vapi.calls.get(UNKNOWN)
    assert caught.value.status_code == 404
    assert caught.value.body["message"] == f"Couldn't Find Call. `{UNKNOWN}` Does Not Exist."
