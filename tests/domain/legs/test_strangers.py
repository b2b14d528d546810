"""Legs and sockets beside the call's own: a second caller, an agent, somebody's recorder."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from app.domain.calls.schedule import LOST
from tests.domain.conftest import RETURN_HOST
from tests.fakes.carriers.legs import (
    CUSTOMER,
    ECHO,
    OURS,
    Live,
    TwilioLeg,
    VonageLeg,
    call_of,
    fire,
    join,
    kinds,
    read,
    waiting,
)
from tests.routes.api import Api

AGENT: dict[str, Any] = {
    "uuid": "agent",
    "to": "447700900000",
    "from": OURS[1:],
    "direction": "outbound",
}
RECORDER: dict[str, Any] = {
    "uuid": "recorder",
    "to": "wss://recorder.example.com/x",
    "direction": "outbound",
}


def status(api: Api, call: dict[str, Any]) -> str:
    return str(api.get(f"/call/{call['id']}").json["status"])


class TestSecondLegOfATwilioCall:
    @pytest.fixture
    def number(self, api: Api) -> dict[str, Any]:
        return TwilioLeg.number_of(api, assistantId=api.made("/assistant", ECHO)["id"])

    @pytest.fixture
    def call(self, api: Api, number: dict[str, Any]) -> dict[str, Any]:
        return api.call(phoneNumberId=number["id"], assistant=ECHO)

    @pytest.fixture
    def path(self, call: dict[str, Any]) -> str:
        return f"/twilio/calls/{call['id']}/twiml"

    @pytest.fixture
    def leg(self, app: Flask, path: str) -> TwilioLeg:
        """The call's own, which has fetched its markup."""
        first = TwilioLeg(app)
        assert first.read(first.fetch(path).text)
        return first

    def test_it_gets_no_document(
        self, app: Flask, api: Api, call: dict[str, Any], path: str, leg: TwilioLeg
    ) -> None:
        second = TwilioLeg(app)
        answer = second.fetch(path)
        assert answer.status_code == 200
        assert "<Hangup" in answer.text
        assert call_of(api, leg)["id"] == call["id"]

    def test_it_tells_nothing_of_the_call(
        self, app: Flask, api: Api, call: dict[str, Any], path: str, leg: TwilioLeg
    ) -> None:
        before = api.get(f"/call/{call['id']}").json
        query = {"returnUrl": f"https://{RETURN_HOST}/theirs"}
        TwilioLeg(app).fetch(path, query, **TwilioLeg.OUTBOUND)
        after = api.get(f"/call/{call['id']}").json
        for name in ("type", "phoneCallProviderReturnUrl", "phoneCallProviderId", "status"):
            assert after.get(name) == before.get(name), name

    def test_its_question_is_answered_in_markup(
        self, app: Flask, api: Api, call: dict[str, Any], path: str, leg: TwilioLeg
    ) -> None:
        """An empty answer is an application error to this carrier."""
        document = read(leg, leg.fetch(path))
        join(leg, document)
        answer = TwilioLeg(app).ask(document)
        assert answer.status_code == 200
        assert "<Hangup" in answer.text
        assert status(api, call) == "in-progress"

    def test_its_end_is_not_the_call_s(
        self, app: Flask, api: Api, call: dict[str, Any], leg: TwilioLeg
    ) -> None:
        path = call["phoneCallProviderDetails"]["statusCallback"]
        TwilioLeg(app).say("completed", path=path)
        assert status(api, call) == "ringing"
        leg.say("completed", path=path)
        assert status(api, call) == "ended"


class TestOneLegOfTwoCalls:
    def test_the_second_made_by_the_api(self, app: Flask, api: Api) -> None:
        """Its words go to the call it is in, though it came for another before."""
        number = TwilioLeg.number_of(api, assistantId=api.made("/assistant", ECHO)["id"])
        leg = TwilioLeg(app)
        first = Live(api, leg)
        first.end()
        before = first.kinds()
        second = api.call(phoneNumberId=number["id"], assistant=ECHO)
        leg.fetch(f"/twilio/calls/{second['id']}/twiml", visit=2)
        leg.say("completed")  # the caller gives up before the socket is there
        assert status(api, second) == "ended"
        assert first.kinds() == before

    def test_the_second_by_itself(self, live: Live, api: Api) -> None:
        live.end()
        before = live.kinds()
        join(live.leg, read(live.leg, live.leg.arrive(visit=2)))
        [second] = [c for c in api.get("/call").json if c["id"] != live.id]
        live.leg.say("completed", 90)
        assert status(api, second) == "ended"
        assert live.kinds() == before

    def test_while_the_first_call_lives_it_keeps_its_leg(self, app: Flask, api: Api) -> None:
        number = TwilioLeg.number_of(api, assistantId=api.made("/assistant", ECHO)["id"])
        leg = TwilioLeg(app)
        first = Live(api, leg)
        second = api.call(phoneNumberId=number["id"], assistant=ECHO)
        leg.fetch(f"/twilio/calls/{second['id']}/twiml", visit=2)
        leg.say("completed")
        assert first.status == "ended"


class TestChildOfATwilioLeg:
    PARENT = "CA" + "d" * 32

    def test_a_child_that_is_lent_to_us_is_the_call_s_leg(self, app: Flask, api: Api) -> None:
        """``<Number url=...>`` in the owner's flow: the leg it rang asks for markup."""
        TwilioLeg.number_of(api, assistantId=api.made("/assistant", ECHO)["id"])
        leg = TwilioLeg(app)
        answer = leg.fetch(leg.ARRIVAL, ParentCallSid=self.PARENT)
        join(leg, read(leg, answer))
        call = call_of(api, leg)
        assert (call["status"], call["customer"]) == ("in-progress", {"number": CUSTOMER})

    def test_a_child_that_is_not_is_a_note(self, app: Flask, api: Api) -> None:
        TwilioLeg.number_of(api, assistantId=api.made("/assistant", ECHO)["id"])
        live = Live(api, TwilioLeg(app))
        TwilioLeg(app).say("completed", ParentCallSid=live.leg.ref)
        assert live.status == "in-progress"
        assert live.kinds()[-1] == "note"


class TestVonageConversation:
    """Everybody in it is reported to the same URL."""

    @pytest.fixture
    def number(self, api: Api) -> dict[str, Any]:
        return VonageLeg.number_of(api, assistantId=api.made("/assistant", ECHO)["id"])

    @pytest.fixture
    def leg(self, app: Flask, number: dict[str, Any]) -> VonageLeg:
        return VonageLeg(app)

    def test_somebody_else_s_socket_is_not_the_assistant(self, api: Api, leg: VonageLeg) -> None:
        read(leg, leg.arrive())
        assert leg.say("answered", **RECORDER).status_code == 204
        assert call_of(api, leg)["status"] == "ringing"
        assert kinds(api, call_of(api, leg)["id"])[-1] == "note"

    def test_our_own_is(self, api: Api, leg: VonageLeg) -> None:
        document = read(leg, leg.arrive())
        leg.socket("answered", document)
        assert call_of(api, leg)["status"] == "in-progress"

    @pytest.mark.parametrize("word", ["disconnected", "completed", "failed"])
    def test_its_end_asks_nothing_of_us(self, api: Api, leg: VonageLeg, word: str) -> None:
        live = Live(api, leg)
        answer = leg.say(word, **RECORDER)
        assert (answer.status_code, answer.data) == (204, b"")
        assert live.status == "in-progress"

    def test_it_does_not_stand_in_for_ours(self, app: Flask, api: Api, leg: VonageLeg) -> None:
        live = Live(api, leg)
        leg.say("answered", **RECORDER)
        live.lose()
        fire(app, LOST, live.id, waiting(app, LOST, live.id))
        assert live.reason == "phone-call-provider-closed-websocket"

    @pytest.fixture
    def call(self, api: Api, number: dict[str, Any], leg: VonageLeg) -> dict[str, Any]:
        """Made by the API and joined, its phone leg not heard of yet."""
        made = api.call(phoneNumberId=number["id"], assistant=ECHO)
        document = leg.offered(made)
        join(leg, document)
        leg.socket("answered", document)
        assert status(api, made) == "in-progress"
        return made

    @pytest.mark.parametrize(
        "word", ["busy", "timeout", "rejected", "failed", "cancelled", "completed"]
    )
    def test_an_agent_s_leg_ends_nothing(
        self, api: Api, leg: VonageLeg, call: dict[str, Any], word: str
    ) -> None:
        leg.say(word, **AGENT)
        assert status(api, call) == "in-progress"

    def test_the_customer_s_leg_ends_the_call(
        self, api: Api, leg: VonageLeg, call: dict[str, Any]
    ) -> None:
        leg.say("completed", **AGENT)
        leg.say("completed", 61, **leg.OUTBOUND)
        ended = api.get(f"/call/{call['id']}").json
        assert (ended["status"], ended["endedReason"]) == ("ended", "customer-ended-call")

    def test_a_leg_that_moves_takes_the_call_along(self, api: Api, leg: VonageLeg) -> None:
        live = Live(api, leg)
        before, after = leg.call_ref, "CON-after"
        moved = {"conversation_uuid_from": before, "conversation_uuid_to": after}
        event = {"type": "transfer", "uuid": leg.ref, "timestamp": leg.at(30).isoformat()}
        leg.post("/vonage/event", {**event, **moved})
        assert live.call["phoneCallProviderId"] == after
        leg.call_ref = after
        assert call_of(api, leg)["id"] == live.id
        leg.say("completed", uuid="p2", **leg.OUTBOUND)
        assert live.status == "in-progress"
        leg.say("completed")
        assert live.status == "ended"
