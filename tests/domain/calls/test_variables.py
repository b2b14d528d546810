"""The values of a call's templates: used by its assistant, kept with the Call, and by ourselves."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.calls import record, variables
from app.domain.calls.record import CallTx
from tests.domain.live_call import Live
from tests.fakes.carriers.leg import Leg
from tests.routes.api import Api

pytestmark = pytest.mark.any_store  # the subject: templates

ASSISTANT = {
    "firstMessage": "Hello {{customer.number}}, it is {{year}}. {{nobody}}",
    "model": {
        "provider": "openai",
        "messages": [{"role": "system", "content": "{{ transport.conversationType }}"}],
        "tools": [
            {"type": "endCall", "messages": [{"type": "request-start", "content": "{{date}}"}]}
        ],
    },
    "analysisPlan": {"summaryPrompt": "{{transcript}}"},
}


@pytest.fixture
def number(api: Api, carrier: type[Leg]) -> dict[str, Any]:
    return carrier.number_of(api, assistantId=api.made("/assistant", ASSISTANT)["id"])


def test_the_assistant_is_rendered_and_the_values_are_kept(live: Live) -> None:
    kept = live.call["artifact"]["variableValues"]
    said = live.claim.assistant.json
    theirs = kept["customer"]["number"]
    assert said["firstMessage"] == f"Hello {theirs}, it is {kept['year']}. "
    assert said["model"]["messages"][0]["content"] == "voice"
    assert said["model"]["tools"][0]["messages"][0]["content"] == "{{date}}"  # when it is said
    assert said["analysisPlan"]["summaryPrompt"] == "{{transcript}}"  # after the call
    assert kept["call"]["id"] == live.id
    assert {"now", "date", "time", "month", "day", "year", "phoneNumber", "transport"} <= {*kept}


def test_a_call_keeps_its_values(live: Live) -> None:
    context = live.media.context
    with context.store.write() as conn:
        found = record.get(conn, live.id, lock=True)
        assert found is not None
        body = {**found.body, variables.KEPT: {"year": "1999"}}
        CallTx(context, conn, found).update(body=body)
        assert variables.of_call(context, found) == {"year": "1999"}
    assert live.call["artifact"]["variableValues"] == {"year": "1999"}


def test_what_a_client_tells_a_call_is_rendered(api: Api, live: Live) -> None:
    told = {"type": "say", "content": "It is {{year}}{{nobody}}."}
    answer = api.post(f"/call/{live.id}/control", told)
    assert answer.status_code == 200, answer.text
    (command,) = live.media.commands([live.claim])
    assert command.body["content"] == f"It is {live.call['artifact']['variableValues']['year']}."


def test_the_carrier_speaks_a_rendered_sentence(api: Api, live: Live) -> None:
    destination = {
        "type": "number",
        "number": "+14155550188",
        "message": "To {{ customer.number }}",
    }
    answer = api.post(f"/call/{live.id}/control", {"type": "transfer", "destination": destination})
    assert answer.status_code == 200, answer.text
    context = live.media.context
    with context.store.read() as conn:
        found = record.get(conn, live.id)
    assert found is not None
    assert found.facts.forward is not None
    theirs = live.call["artifact"]["variableValues"]["customer"]["number"]
    assert found.facts.forward.message == f"To {theirs}"
