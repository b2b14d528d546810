"""Legs of a number with a hook of call.ringing: spoken to or transferred, and no assistant."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.domain.assistant.fields import list_of
from app.domain.calls import record
from app.domain.calls.record import CallTx
from app.domain.context import Context, Reply
from app.domain.legs import operator, operator_talk
from app.domain.legs.assistant_request import AssistantRequests
from app.settings import Settings
from tests.domain.live_call import call_of
from tests.fakes.carriers.leg import CUSTOMER, Leg
from tests.fakes.client_server import Receiver
from tests.routes.api import Api

SAY = {"type": "say", "exact": "Closed, {{customer.number}}."}
SAID = f"Closed, {CUSTOMER}."
THERE = {"type": "number", "number": "+14155550188"}
CLOSED = {"type": "number", "number": "+4930123456"}
"""Of a country that the organisation has no number of."""

WARM = {**THERE, "transferPlan": {"mode": "warm-transfer-say-message", "message": "Hello."}}

Hooked = Callable[..., None]


@pytest.fixture
def hooked(api: Api, number: dict[str, Any]) -> Hooked:
    """Gives the number a hook with this action, and more fields of the number."""

    def patch(action: dict[str, Any], *prefixes: str, **fields: Any) -> None:
        given = [{"type": "startsWith", "key": "number", "startsWith": list(prefixes)}]
        hook = {"on": "call.ringing", "do": [action], "filters": given if prefixes else []}
        answer = api.patch(f"/phone-number/{number['id']}", {"hooks": [hook], **fields})
        assert answer.status_code == 200, answer.text
        assert answer.json["hooks"] == [hook]

    return patch


def to(destination: dict[str, Any]) -> dict[str, Any]:
    return {"type": "transfer", "destination": destination}


def jobs(context: Context) -> set[str]:
    """The kinds of the jobs that wait."""
    query = "SELECT kind FROM jobs"
    if not context.store.is_sqlite:
        query = "SELECT args->>'kind' FROM procrastinate_jobs"
    with context.store.read() as conn:
        return set(conn.execute(sa.text(query)).scalars())


class TestSay:
    def test_it_is_heard_instead_of_the_assistant(self, api: Api, leg: Leg, hooked: Hooked) -> None:
        hooked(SAY, "49", CUSTOMER[1:4])
        answer = leg.arrive()
        assert SAID in answer.text
        assert leg.read(answer.text) is None  # no socket
        call = call_of(api, leg)
        assert (call["status"], call["type"]) == ("ended", "inboundPhoneCall")
        assert call["endedReason"] == "call.ringing.hook-executed-say"
        assert call["customer"] == {"number": CUSTOMER}
        assert "inboundPhoneCallDebuggingArtifacts" not in call
        assert leg.arrive().text == answer.text  # sent again

    def test_no_server_is_asked_and_the_legs_end_changes_nothing(
        self, api: Api, leg: Leg, hooked: Hooked
    ) -> None:
        hooked(SAY, assistantId=None, server={"url": "https://client.example/vapi"})
        leg.arrive()
        leg.say("completed", 3, lasted=3)
        call = call_of(api, leg)
        assert call["endedReason"] == "call.ringing.hook-executed-say"
        sent = [each["type"] for each in api.get(f"/call/{call['id']}/messages").json]
        assert set(sent) == {"status-update", "end-of-call-report"}

    def test_an_assistant_in_the_legs_url_does_not_come_first(
        self, api: Api, leg: Leg, number: dict[str, Any], hooked: Hooked
    ) -> None:
        hooked(SAY)
        assert SAID in leg.arrive({"assistantId": number["assistantId"]}).text

    def test_another_caller_gets_the_assistant(self, leg: Leg, hooked: Hooked) -> None:
        hooked(SAY, "49")
        assert leg.read(leg.arrive().text) is not None


class TestTransfer:
    def test_the_leg_is_connected_at_once(self, api: Api, leg: Leg, hooked: Hooked) -> None:
        hooked(to({**THERE, "message": "One moment."}))
        answer = leg.arrive()
        assert "One moment." in answer.text
        assert THERE["number"][1:] in answer.text
        assert call_of(api, leg)["status"] == "forwarding"
        leg.say("completed", 30, lasted=30)
        call = call_of(api, leg)
        assert call["endedReason"] != "assistant-forwarded-call"

    def test_a_caller_whose_operator_cannot_come_leaves_the_room(
        self, api: Api, leg: Leg, hooked: Hooked
    ) -> None:
        """No assistant waits for them: the call ends, and its leg goes back to its flow."""
        hooked(to(WARM))
        leg.arrive()
        context = leg.app.extensions["patchbay"].context
        with context.store.write() as conn:
            call = record.get(conn, call_of(api, leg)["id"], lock=True)
            assert call is not None
            assert call.facts.forward is not None
            operator.fail(CallTx(context, conn, call), call.facts.forward, "busy")
        assert call_of(api, leg)["endedReason"] == "call.ringing.hook-executed-transfer"
        assert {"dial-operator", "watch-transfer", "caller-back"} <= jobs(context)

    def test_a_destination_of_the_server_is_dialled(
        self, api: Api, leg: Leg, number: dict[str, Any]
    ) -> None:
        server = {"url": "https://client.example/vapi"}
        api.patch(f"/phone-number/{number['id']}", {"assistantId": None, "server": server})
        services = leg.app.extensions["patchbay"]
        reply = Reply(json.dumps({"destination": WARM}).encode())
        asking = replace(services.context, ask_server=lambda *_: reply)
        services.legs.requests = AssistantRequests(asking)
        leg.arrive()
        assert call_of(api, leg)["status"] == "forwarding"
        assert {"dial-operator", "watch-transfer"} <= jobs(services.context)

    def test_a_closed_country_is_not_dialled(self, api: Api, leg: Leg, hooked: Hooked) -> None:
        hooked(to(CLOSED))
        answer = leg.arrive()
        assert CLOSED["number"][1:] not in answer.text
        call = call_of(api, leg)
        assert call["endedReason"] == "call.ringing.hook-executed-transfer"
        assert call["endedMessage"].startswith("hooks.0.do.0: destination.number is of DE")

    def test_a_refused_one_leaves_the_fallback(self, api: Api, leg: Leg, hooked: Hooked) -> None:
        hooked(to(CLOSED), fallbackDestination=THERE)
        assert THERE["number"][1:] in leg.arrive().text
        assert call_of(api, leg)["status"] == "forwarding"


class TestOfATransferAssistant:
    """It has the secrets of what it asks, which the number's row has sealed."""

    @pytest.fixture
    def place(self) -> dict[str, Any]:
        server = {"url": "https://x.example/", "secret": "c4n4ry"}
        tool = {"type": "function", "function": {"name": "f"}, "server": server}
        model = {"provider": "custom-llm", "url": "https://x.example/", "tools": [tool]}
        plan = {"mode": "warm-transfer-experimental", "transferAssistant": {"model": model}}
        return {**THERE, "transferPlan": plan}

    def tools(self, app: Flask, call: dict[str, Any]) -> list[Any]:
        context = app.extensions["patchbay"].context
        with context.store.read() as conn:
            found = record.get(conn, call["id"])
        assert found is not None
        assert found.facts.forward is not None
        made = operator_talk.assistant(context, found, found.facts.forward)
        return list_of(made.model, "tools")

    @pytest.mark.parametrize("moment", ["call.ringing", "call.ending", None])
    def test_it_asks_with_its_secret(
        self,
        app: Flask,
        api: Api,
        leg: Leg,
        number: dict[str, Any],
        receiver: Receiver,
        place: dict[str, Any],
        moment: str | None,
    ) -> None:
        hooks = [{"on": moment, "do": [to(place)]}] if moment else []
        to_there = {"hooks": hooks} if hooks else {"fallbackDestination": place}
        asked = {"assistantId": None, "serverUrl": receiver.url}
        changed = api.patch(f"/phone-number/{number['id']}", {**asked, **to_there})
        assert changed.status_code == 200, changed.text
        assert "c4n4ry" not in changed.text
        leg.arrive()
        call = call_of(api, leg)
        assert call["status"] == "forwarding", call
        (tool,) = self.tools(app, call)
        assert tool["server"]["secret"] == "c4n4ry"
        assert "c4n4ry" not in str(call)


class TestOfTheDialLimit:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return replace(settings, dial_limit_per_hour=1)

    def test_the_second_transfer_is_not_dialled(
        self, app: Flask, api: Api, carrier: type[Leg], hooked: Hooked
    ) -> None:
        hooked(to(THERE))
        first, second = carrier(app), carrier(app)
        assert THERE["number"][1:] in first.arrive().text
        assert THERE["number"][1:] not in second.arrive().text
        assert "DIAL_LIMIT_PER_HOUR" in call_of(api, second)["endedMessage"]
