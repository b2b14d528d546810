"""Vapi's official Python SDK, unmodified, over HTTP: pip name ``vapi_server_sdk``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest
from vapi import CreateCustomerDto, Vapi
from vapi.core.api_error import ApiError

from tests.bridge import KEY, Bridge
from tests.fakes.carriers.accounts import CUSTOMER

pytestmark = pytest.mark.any_store  # the subject: the API's shapes


@pytest.fixture(scope="module")
def client(bridge: Bridge) -> Iterator[Vapi]:
    return Vapi(token=KEY, base_url=bridge.url)


@pytest.fixture(scope="module")
def assistant_id(client: Vapi) -> str:
    return str(client.assistants.create(name="From the SDK").id)


def create(client: Vapi, bridge: Bridge, assistant_id: str, provider: str) -> Any:
    return client.calls.create(
        assistant_id=assistant_id,
        phone_number_id=bridge.number_id(provider),
        customer=CreateCustomerDto(number=CUSTOMER),
        request_options={
            "additional_body_parameters": {
                "phoneCallProviderBypassEnabled": True,
                "maxDurationSeconds": 600,
                "metadata": {"a": 1},
            }
        },
    )


def test_a_twilio_call(client: Vapi, bridge: Bridge, assistant_id: str) -> None:
    call = create(client, bridge, assistant_id, "twilio")
    document = ElementTree.fromstring(call.phoneCallProviderDetails["twiml"])
    assert [verb.tag for verb in document] == ["Connect", "Redirect"]
    assert call.phone_call_provider == "twilio"
    assert (call.status, call.metadata) == ("queued", {"a": 1})


def test_a_vonage_call(client: Vapi, bridge: Bridge, assistant_id: str) -> None:
    call = create(client, bridge, assistant_id, "vonage")
    (connect,) = call.phoneCallProviderDetails["ncco"]
    assert connect["action"] == "connect"
    assert len(json.dumps(connect["endpoint"][0]["headers"])) <= 512


def test_list_get_update_delete(client: Vapi, bridge: Bridge, assistant_id: str) -> None:
    call = create(client, bridge, assistant_id, "twilio")
    assert call.id in {listed.id for listed in client.calls.list(limit=5)}
    page = client.calls.call_controller_find_all_paginated(id=call.id, page=1, sort_order="DESC")
    assert ([row.id for row in page.results], page.metadata.total_items) == ([call.id], 1)
    assert client.calls.get(id=call.id).phoneCallProviderDetails == call.phoneCallProviderDetails
    assert client.calls.update(id=call.id, name="renamed").name == "renamed"
    assert client.calls.delete(id=call.id).id == call.id
    with pytest.raises(ApiError) as refused:
        client.calls.get(id=call.id)
    assert refused.value.status_code == 404


def test_errors_are_vapis(bridge: Bridge, client: Vapi) -> None:
    with pytest.raises(ApiError) as refused:
        client.calls.create(customer=CreateCustomerDto(number=CUSTOMER))
    body = refused.value.body
    assert (refused.value.status_code, body["error"]) == (400, "Bad Request")
    with pytest.raises(ApiError) as unauthorized:
        Vapi(token="not a key", base_url=bridge.url).calls.list()
    assert unauthorized.value.body["statusCode"] == 401


def test_phone_numbers(client: Vapi) -> None:
    listed = client.phone_numbers.list()
    assert {"twilio", "vonage"} <= {row.provider for row in listed}
