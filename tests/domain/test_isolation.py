"""Another organisation, account or carrier: its signed words reach none of ours."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from providers.errors import Refused
from tests.domain.live_call import ECHO, Live, call_of, claim_stream, kinds, read
from tests.fakes.carriers.leg import Leg
from tests.fakes.carriers.twilio import TwilioLeg
from tests.fakes.carriers.vonage import VonageLeg
from tests.routes.api import Api

THEIRS = "+14155559999"
MADE_UP = "a secret the second organisation made up"


@pytest.fixture(params=["their own account", "our account's name"])
def stranger(request: pytest.FixtureRequest, carrier: type[Leg], leg: Leg, other: Api) -> Leg:
    """Our leg, told of by another organisation; nobody asks the carrier whose account it is."""
    ours = request.param == "our account's name"
    account = carrier.ACCOUNT if ours else carrier.OTHER_ACCOUNT
    assistant = other.made("/assistant", ECHO)
    carrier.number_of(other, account, MADE_UP, THEIRS, assistantId=assistant["id"])
    return leg.same(account, MADE_UP)


class TestAnotherOrganisation:
    def test_it_cannot_end_a_call(self, live: Live, stranger: Leg) -> None:
        before = live.kinds()
        assert stranger.say("completed").status_code < 300
        assert live.status == "in-progress"
        assert live.kinds() == before

    def test_it_gets_no_document_of_a_call(self, api: Api, leg: Leg, stranger: Leg) -> None:
        read(leg, leg.arrive())
        mine = call_of(api, leg)["id"]
        answer = stranger.arrive()
        assert answer.status_code == 200, answer.text
        assert mine not in answer.text
        assert kinds(api, mine) == ["call.created", "leg.fetched"]

    def test_it_cannot_take_a_leg_whose_call_is_over(self, live: Live, stranger: Leg) -> None:
        live.leg.say("completed", 60)
        stranger.arrive()
        before = len(live.kinds())
        live.leg.say("completed", 61)
        assert len(live.kinds()) == before + 1

    def test_it_cannot_take_a_leg_that_is_still_to_come(
        self, api: Api, other: Api, leg: Leg, stranger: Leg
    ) -> None:
        [theirs] = other.get("/assistant").json
        read(stranger, stranger.arrive({"assistantId": theirs["id"]}))
        read(leg, leg.arrive())
        assert call_of(api, leg)["id"] != call_of(other, leg)["id"]

    def test_a_callback_token_is_of_no_use_to_it(self, live: Live, stranger: Leg) -> None:
        assert 400 <= stranger.ask(live.document).status_code < 500
        assert live.status == "in-progress"

    def test_nor_is_a_media_token(self, leg: Leg, stranger: Leg) -> None:
        document = read(leg, leg.arrive())
        with pytest.raises(Refused):
            claim_stream(stranger, document)
        claim_stream(leg, document)


class TestFetch:
    """The markup of a call the API made is for legs of its own account."""

    @pytest.fixture
    def ours(self, api: Api) -> dict[str, Any]:
        return TwilioLeg.number_of(api)

    def fetched(self, leg: TwilioLeg, call: dict[str, Any]) -> str:
        answer = leg.fetch(f"/twilio/calls/{call['id']}/twiml")
        assert answer.status_code == 200, answer.text
        return answer.text

    def test_of_another_carrier(self, app: Flask, api: Api, ours: dict[str, Any]) -> None:
        theirs = VonageLeg.number_of(api, number=THEIRS)
        call = api.call(phoneNumberId=theirs["id"])
        assert "<Stream" not in self.fetched(TwilioLeg(app), call)
        assert "phoneCallProviderId" not in api.get(f"/call/{call['id']}").json

    def test_of_another_account(self, app: Flask, api: Api, ours: dict[str, Any]) -> None:
        TwilioLeg.number_of(api, TwilioLeg.OTHER_ACCOUNT, MADE_UP, THEIRS)
        call = api.call(phoneNumberId=ours["id"])
        leg = TwilioLeg(app, TwilioLeg.OTHER_ACCOUNT, MADE_UP)
        assert "<Stream" not in self.fetched(leg, call)
        assert "phoneCallProviderId" not in api.get(f"/call/{call['id']}").json

    def test_of_another_organisation(
        self, app: Flask, api: Api, other: Api, ours: dict[str, Any]
    ) -> None:
        TwilioLeg.number_of(other, TwilioLeg.OTHER_ACCOUNT, MADE_UP, THEIRS)
        call = api.call(phoneNumberId=ours["id"])
        leg = TwilioLeg(app, TwilioLeg.OTHER_ACCOUNT, MADE_UP)
        assert "<Stream" not in self.fetched(leg, call)

    def test_of_its_own(self, app: Flask, api: Api, ours: dict[str, Any]) -> None:
        call = api.call(phoneNumberId=ours["id"])
        leg = TwilioLeg(app)
        assert "<Stream" in self.fetched(leg, call)
        assert call_of(api, leg)["id"] == call["id"]


class TestOneAccountOfTwoOrganisations:
    """Both hold the carrier's true secret: the number, else the assistant, says whose call it is."""

    @pytest.fixture(autouse=True)
    def shared(self, api: Api, other: Api, carrier: type[Leg]) -> None:
        carrier.credential_of(api)
        carrier.credential_of(other)

    def test_the_number_decides(self, app: Flask, api: Api, other: Api, carrier: type[Leg]) -> None:
        carrier.number_of(other, assistantId=other.made("/assistant", ECHO)["id"])
        carrier(app).arrive()
        assert (len(api.get("/call").json), len(other.get("/call").json)) == (0, 1)

    def test_without_it_the_assistant_does(
        self, app: Flask, api: Api, other: Api, carrier: type[Leg]
    ) -> None:
        theirs = other.made("/assistant", ECHO)
        carrier(app).arrive({"assistantId": theirs["id"]})
        assert (len(api.get("/call").json), len(other.get("/call").json)) == (0, 1)

    def test_a_number_s_owner_cannot_use_the_other_s_assistant(
        self, app: Flask, api: Api, other: Api, carrier: type[Leg]
    ) -> None:
        carrier.number_of(api)
        theirs = other.made("/assistant", ECHO)
        leg = carrier(app)
        leg.arrive({"assistantId": theirs["id"]})
        assert call_of(api, leg)["endedReason"] == "assistant-not-found"
        assert other.get("/call").json == []
