"""A SIP call that joins a web call, at each carrier; the carrier's legs and their requests are real."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from werkzeug.test import TestResponse

from app.settings import CarrierSettings, Settings
from providers.base.media import StreamStart
from tests.domain.live_call import ECHO, call_of, join, kinds, read
from tests.fakes.carriers.leg import Leg
from tests.routes.api import UNKNOWN, Api, refused

DOMAIN = "patchbay.sip.example"
TOKEN = "I-Twilio-Idempotency-Token"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, carriers=(CarrierSettings("", {}, sip_domain=DOMAIN),))


def web_call(api: Api, **fields: Any) -> dict[str, Any]:
    return api.made("/call/web", {"assistant": ECHO, "sipEnabled": True, **fields})


def opens(leg: Leg, made: dict[str, Any]) -> TestResponse:
    """The call's page asks for a media socket."""
    page = made["webCallUrl"].partition("/web/")[2]
    return leg.app.test_client().post(f"/web/{page}/join", json={"request": str(uuid4())})


def calls(leg: Leg, address: str) -> TestResponse:
    """The leg arrives, and has called this address."""
    called = {"To": address} if leg.name == "twilio" else {**leg._ends(), "to": address}  # type: ignore[attr-defined]
    token = {TOKEN: str(uuid4())} if leg.name == "twilio" else {}
    path: str = leg.ARRIVAL  # type: ignore[attr-defined]
    return leg.post(path, {"CallStatus": "ringing", **called}, token)  # type: ignore[call-arg]


@pytest.mark.parametrize("address", ["sip:{}@" + DOMAIN, "{}", "sip:{}@" + DOMAIN + ";user=phone"])
def test_a_sip_phone_joins_in_the_browsers_place(api: Api, leg: Leg, address: str) -> None:
    made = web_call(api)
    assert made["webCallSipUri"] == f"sip:{made['id']}@{DOMAIN}"
    document = read(leg, calls(leg, address.format(made["id"])))
    join(leg, document)
    call = call_of(api, leg)
    assert (call["id"], call["type"], call["status"]) == (made["id"], "webCall", "in-progress")
    assert (call["phoneCallProvider"], call["phoneCallTransport"]) == (leg.name, "sip")
    assert not {"webCallUrl", "webCallSipUri"} & call.keys()
    assert opens(leg, made).status_code == 403
    assert leg.say("completed").status_code in {200, 204}
    assert "leg.ended" in kinds(api, made["id"])


def test_a_repeated_arrival_has_one_document(api: Api, leg: Leg) -> None:
    made = web_call(api)
    first = read(leg, calls(leg, made["webCallSipUri"]))
    assert (
        read(leg, calls(leg, made["webCallSipUri"])).media_url.split("/")[:5]
        == (first.media_url.split("/")[:5])
    )
    assert len(api.get("/call").json) == 1


def test_a_phone_that_comes_later_is_hung_up(api: Api, leg: Leg) -> None:
    made = web_call(api)
    assert opens(leg, made).json["action"] == "connect"
    answer = calls(leg, made["webCallSipUri"])
    assert leg.read(answer.text) is None
    assert [call["id"] for call in api.get("/call").json] == [made["id"]]
    assert api.get(f"/call/{made['id']}").json["webCallUrl"] == made["webCallUrl"]


def test_only_a_call_that_allows_it_is_joined(api: Api, other: Api, leg: Leg) -> None:
    others = [web_call(api, sipEnabled=False)["id"], web_call(other)["id"], UNKNOWN]
    for call_id in others:
        calls(type(leg)(leg.app), f"sip:{call_id}@{DOMAIN}")
    for owner, call_id in zip((api, other), others, strict=False):
        assert owner.get(f"/call/{call_id}").json["status"] == "queued"


def test_without_a_domain_it_is_said_at_once(api: Api, leg: Leg) -> None:
    settings = leg.app.extensions["patchbay"].context.settings
    object.__setattr__(settings, "carriers", ())
    answer = api.post("/call/web", {"assistant": ECHO, "sipEnabled": True})
    assert "`sipEnabled` needs a SIP domain" in refused(answer)


def test_a_browser_has_no_leg_to_transfer(api: Api, leg: Leg) -> None:
    made = web_call(api)
    services = leg.app.extensions["patchbay"]
    target = "/media/web/" + opens(leg, made).json["websocketUrl"].rpartition("/")[2]
    web = services.providers["web"]
    claim = services.media.claim(web, target.rpartition("/")[2], target, [])
    services.media.joined(claim, StreamStart(None, None, None, 16000))
    there = {"type": "transfer", "destination": {"type": "number", "number": "+14155550188"}}
    assert "no phone leg" in refused(api.post(f"/call/{made['id']}/control", there))
