"""Legs whose carrier hears and speaks, from their document to what they leave."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest
from flask import Flask

from app.domain.dashboard import call_view
from providers.events import EndedReason
from tests.domain.live_call import call_of, claim_stream, kinds
from tests.fakes.carriers.leg import Document, Leg
from tests.fakes.carriers.twilio import TwilioLeg
from tests.fakes.carriers.vonage import VonageLeg
from tests.routes.api import Api, refused

pytestmark = pytest.mark.any_store

TRANSPORT = {"provider": "twilio", "conversationType": "conversation-relay"}
BY_TEXT = {"name": "By text", "transport": TRANSPORT}
SESSION = {"SessionId": "VX" + "0" * 32, "SessionDuration": "9"}


@pytest.fixture
def twilio_leg(app: Flask, api: Api) -> Leg:
    """A leg to a number whose assistant is Twilio's to hear and speak for."""
    named = api.made("/assistant", BY_TEXT)["id"]
    TwilioLeg.number_of(api, assistantId=named)
    return TwilioLeg(app)


def read(markup: str) -> tuple[Document, dict[str, str]]:
    """The document, and the attributes of its noun."""
    connect = ET.fromstring(markup).find("Connect")
    assert connect is not None
    noun = connect.find("ConversationRelay")
    assert noun is not None
    return Document(noun.attrib["url"], "", connect.attrib["action"]), dict(noun.attrib)


def joined(leg: Leg, document: Document) -> Any:
    claim = claim_stream(leg, document)
    leg.app.extensions["patchbay"].media.joined(claim, leg.start())
    return claim


def test_a_leg_that_the_owner_gets_back(api: Api, twilio_leg: Leg) -> None:
    document, noun = read(twilio_leg.arrive().text)
    assert noun["dtmfDetection"] == "true"
    claim = joined(twilio_leg, document)
    assert (claim.backend, claim.recorded) == ("local", False)
    call = call_of(api, twilio_leg)
    assert call["status"] == "in-progress"
    assert "listenUrl" not in call["monitor"]
    told = refused(api.post(f"/call/{call['id']}/supervisor"))
    assert told == "no supervisor can speak on this call: its media socket carries text"
    assert told == refused(api.post(f"/call/{call['id']}/control", {"type": "take-over"}))
    context, org = twilio_leg.app.extensions["patchbay"].context, call["orgId"]
    page = call_view.view(context, org, call["id"])
    assert (page.takes_control, page.takes_supervisor) == (True, False)
    media = twilio_leg.app.extensions["patchbay"].media
    media.request_end(claim, EndedReason.ASSISTANT_ENDED_CALL)
    ended = {"CallStatus": "in-progress", "SessionStatus": "ended", **SESSION}
    assert "<Hangup" in twilio_leg.post(document.continue_url, ended).text
    assert call_of(api, twilio_leg)["endedReason"] == "assistant-ended-call"


@pytest.mark.parametrize("killed", [False, True])
def test_a_lost_session_is_followed_by_another(api: Api, twilio_leg: Leg, killed: bool) -> None:
    """A process that is killed stores nothing of it."""
    document, _ = read(twilio_leg.arrive().text)
    claim = joined(twilio_leg, document)
    if not killed:
        twilio_leg.app.extensions["patchbay"].media.lost(claim)
    lost = {"CallStatus": "in-progress", "SessionStatus": "failed", **SESSION}
    broken = {"ErrorCode": "64105", "ErrorMessage": "WebSocket ended"}
    again, _ = read(twilio_leg.post(document.continue_url, {**lost, **broken}).text)
    assert again.media_url != document.media_url
    joined(twilio_leg, again)
    call = call_of(api, twilio_leg)
    assert call["status"] == "in-progress"
    assert "media.reattached" in kinds(api, call["id"])


def test_speech_that_fails_for_good_ends_the_call_with_what_the_carrier_says(
    api: Api, twilio_leg: Leg
) -> None:
    document, _ = read(twilio_leg.arrive().text)
    wrong = {"ErrorCode": "64106", "ErrorMessage": "No such voice of Google's."}
    failed = {"CallStatus": "in-progress", "SessionStatus": "failed", **SESSION, **wrong}
    assert "<Hangup" in twilio_leg.post(document.continue_url, failed).text
    call = call_of(api, twilio_leg)
    assert (call["status"], call["endedReason"]) == ("ended", "assistant-error")
    assert call["endedMessage"] == "No such voice of Google's."


def test_a_session_that_never_begins(api: Api, twilio_leg: Leg) -> None:
    """Whatever the carrier's code is."""
    document, _ = read(twilio_leg.arrive().text)
    wrong = {"ErrorCode": "64102", "ErrorMessage": "Unable to connect to WebSocket URL"}
    failed = {"CallStatus": "in-progress", "SessionStatus": "failed", **SESSION, **wrong}
    assert "<Hangup" in twilio_leg.post(document.continue_url, failed).text
    call = call_of(api, twilio_leg)
    assert call["endedReason"] == "assistant-join-timed-out"
    assert call["endedMessage"] == "Unable to connect to WebSocket URL"


def test_a_session_that_ends_without_a_word_beside_a_live_leg(api: Api, twilio_leg: Leg) -> None:
    """Whatever the close code was: the assistant goes on in another one."""
    document, _ = read(twilio_leg.arrive().text)
    twilio_leg.app.extensions["patchbay"].media.lost(joined(twilio_leg, document))
    over = {"CallStatus": "in-progress", "SessionStatus": "completed", **SESSION}
    again, _ = read(twilio_leg.post(document.continue_url, over).text)
    assert again.media_url != document.media_url
    assert call_of(api, twilio_leg)["status"] == "in-progress"


def test_a_caller_who_hangs_up(api: Api, twilio_leg: Leg) -> None:
    """The socket's end alone does not tell: the request for the next document does."""
    document, _ = read(twilio_leg.arrive().text)
    claim = joined(twilio_leg, document)
    twilio_leg.app.extensions["patchbay"].media.lost(claim)
    assert call_of(api, twilio_leg)["status"] == "in-progress"
    over = {"CallStatus": "completed", "SessionStatus": "completed", **SESSION}
    twilio_leg.post(document.continue_url, over)
    assert call_of(api, twilio_leg)["endedReason"] == "customer-ended-call"


# ------------------------------------------------------------------ where it cannot be had


def test_no_number_of_another_carrier_may_have_it(api: Api) -> None:
    named = api.made("/assistant", BY_TEXT)["id"]
    number = VonageLeg.number_of(api)
    for answer in (
        api.patch(f"/phone-number/{number['id']}", {"assistantId": named}),
        api.post("/call", call_on(number, assistantId=named)),
        api.post("/call", call_on(number, assistant=BY_TEXT)),
        api.post("/call/web", {"assistantId": named}),
    ):
        assert "conversation-relay" in str(refused(answer))


def call_on(number: dict[str, Any], **fields: Any) -> dict[str, Any]:
    customer = {"number": "+14155550111"}
    bypass = {"phoneCallProviderBypassEnabled": True, "customer": customer}
    return {**bypass, "phoneNumberId": number["id"], **fields}


def test_one_that_was_changed_later_ends_its_calls(app: Flask, api: Api) -> None:
    named = api.made("/assistant", {"name": "Echo", "transport": {"provider": "echo"}})["id"]
    VonageLeg.number_of(api, assistantId=named)
    assert api.patch(f"/assistant/{named}", BY_TEXT).status_code == 200
    leg = VonageLeg(app)
    leg.arrive()
    call = call_of(api, leg)
    assert (call["status"], call["endedReason"]) == ("ended", "assistant-not-invalid")
    assert "vonage" in call["endedMessage"]


def test_members_of_a_squad_have_it_all_or_none(api: Api) -> None:
    both = [{"assistant": BY_TEXT}, {"assistant": {"name": "Echo"}}]
    message = str(refused(api.post("/squad", {"members": both})))
    assert "members.1.assistant.transport.conversationType" in message
    api.made("/squad", {"members": [both[0], {"assistant": {**BY_TEXT, "name": "Two"}}]})
