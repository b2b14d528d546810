"""A caller who waits for an operator, in Twilio's markup and words."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from providers.base.instructions import Fetch, Forward, Instruction, Join, Listen, Park, Play, Refer
from providers.base.webhook import WebhookReport
from providers.events import CallEvent, EventKind
from providers.twilio import twiml
from tests.providers.twilio.case import CHILD_SID, only, parsed

URL = "https://patchbay.example/twilio/x/t"
HOLD = Park("patchbay-1", URL, "https://patchbay.example/twilio/room/t")


def said(*instructions: Instruction) -> ElementTree.Element:
    return ElementTree.fromstring(twiml.document(instructions))


def test_a_caller_waits_for_the_other_leg_and_hears_music() -> None:
    (dial,) = said(HOLD)
    (room,) = dial
    assert (room.tag, room.text) == ("Conference", "patchbay-1")
    assert dial.attrib == {"action": URL, "method": "POST"}
    assert room.attrib == {
        "beep": "false",
        "startConferenceOnEnter": "false",
        "endConferenceOnExit": "true",
        "statusCallback": "https://patchbay.example/twilio/room/t#rc=3&rp=all",
        "statusCallbackEvent": "join leave",
    }


def test_music_of_the_plan() -> None:
    (dial,) = said(Park("r", URL, URL, "https://x.example/a.mp3?b=1&c=2"))
    assert dial[0].get("waitUrl") == "https://x.example/a.mp3?b=1&c=2"
    assert dial[0].get("waitMethod") == "GET"


def test_the_operator_begins_and_ends_the_room() -> None:
    (dial,) = said(Join("patchbay-1", 60))
    assert dial.attrib == {"timeLimit": "60"}
    assert dial[0].get("startConferenceOnEnter") == dial[0].get("endConferenceOnExit") == "true"


def test_an_operator_who_says_nothing_is_hung_up() -> None:
    gather, hang_up = said(Listen(URL, 45))
    assert gather.attrib == {
        "input": "speech",
        "timeout": "45",
        "speechTimeout": "auto",
        "action": URL,
        "method": "POST",
    }
    assert hang_up.tag == "Hangup"


def test_a_file_and_the_next_document() -> None:
    play, redirect = said(Play("https://x.example/beep.wav"), Fetch(URL))
    assert (play.tag, play.text) == ("Play", "https://x.example/beep.wav")
    assert (redirect.tag, redirect.text) == ("Redirect", URL)


def test_headers_of_a_sip_destination() -> None:
    headers = {"X-Transfer-Summary": "Wants a desk & a chair."}
    (dial,) = said(Forward("sip:desk@pbx.example", URL, sip_headers=headers))
    assert dial[0].text == (
        "sip:desk@pbx.example?X-Transfer-Summary=Wants%20a%20desk%20%26%20a%20chair."
    )
    with pytest.raises(ValueError, match="1024"):
        said(Forward("sip:desk@pbx.example", URL, sip_headers={"X-A": "x" * 1100}))


def test_a_sip_leg_is_referred_with_the_headers_in_the_uri() -> None:
    (refer,) = said(Refer("sip:desk@pbx.example", URL, {"X-Desk": "billing & co"}))
    assert refer.attrib == {"action": f"{URL}?verb=refer", "method": "POST"}
    assert refer[0].text == "sip:desk@pbx.example?X-Desk=billing%20%26%20co"
    with pytest.raises(ValueError, match="SIP URI"):
        said(Refer("+14155550123", URL))


@pytest.mark.parametrize(
    ("fields", "kinds", "outcome", "unknown"),
    [
        ({}, [EventKind.FORWARD_ENDED], "in-progress", ()),
        ({"ReferCallStatus": "busy"}, [EventKind.FORWARD_FAILED], "busy", ()),
        # the device took the caller, and tells nothing of the call that it makes
        ({"ReferCallStatus": None}, [EventKind.FORWARD_ENDED], "answered", ()),
        # the device takes no REFER
        (
            {"ReferCallStatus": None, "ReferSipResponseCode": "405"},
            [EventKind.FORWARD_FAILED],
            "failed",
            (),
        ),
        (
            {"ReferCallStatus": None, "ReferSipResponseCode": None},
            [EventKind.FORWARD_FAILED],
            "failed",
            (),
        ),
        # the caller hung up meanwhile
        (
            {"ReferCallStatus": "canceled", "CallStatus": "completed"},
            [EventKind.FORWARD_FAILED, EventKind.LEG_ENDED],
            "canceled",
            (),
        ),
        ({"ReferCallStatus": "levitating"}, [EventKind.NOTE], "levitating", ("levitating",)),
    ],
)
def test_what_came_of_a_refer(
    fields: dict[str, str | None], kinds: list[EventKind], outcome: str, unknown: tuple[str, ...]
) -> None:
    report = parsed("refer_in_progress", fields, query="verb=refer")
    assert [event.kind for event in report.events] == kinds
    assert report.events[0].data["outcome"] == outcome
    assert (report.asks, report.unknown) == (True, unknown)
    assert report.leg is not None
    assert report.leg.sip


def of_operator(name: str, **fields: str) -> tuple[CallEvent, WebhookReport]:
    report = parsed(name, fields)
    event = only(report)
    assert report.leg is None
    assert event.data["forwardLegRef"] == CHILD_SID
    return event, report


@pytest.mark.parametrize(
    ("name", "fields", "kind", "told"),
    [
        ("operator", {}, EventKind.OPERATOR_ANSWERED, {}),
        ("operator_machine", {}, EventKind.OPERATOR_ANSWERED, {"machine": True}),
        (
            "operator_machine",
            {"AnsweredBy": "human"},
            EventKind.OPERATOR_ANSWERED,
            {"machine": False},
        ),
        (
            "operator_machine",
            {"AnsweredBy": "unknown"},
            EventKind.OPERATOR_ANSWERED,
            {"machine": False},
        ),
        ("spoke", {}, EventKind.OPERATOR_ANSWERED, {"spoke": True}),
        ("briefed", {}, EventKind.OPERATOR_BRIEFED, {}),
        ("talked", {}, EventKind.OPERATOR_TALKED, {}),
        (
            "talked",
            {"CallStatus": "completed"},
            EventKind.OPERATOR_ENDED,
            {"outcome": "completed"},
        ),
        ("talked", {"StreamEvent": "stream-started"}, EventKind.NOTE, {}),
        ("operator_ringing", {}, EventKind.OPERATOR_RINGING, {}),
        ("operator_ringing", {"CallStatus": "in-progress"}, EventKind.NOTE, {}),
        ("operator_busy", {}, EventKind.OPERATOR_ENDED, {"outcome": "busy"}),
        (
            "operator_busy",
            {"CallStatus": "no-answer"},
            EventKind.OPERATOR_ENDED,
            {"outcome": "no-answer"},
        ),
        (
            "operator_busy",
            {"CallStatus": "completed"},
            EventKind.OPERATOR_ENDED,
            {"outcome": "completed"},
        ),
        ("room_joined", {}, EventKind.OPERATOR_JOINED, {}),
        ("room_left", {}, EventKind.NOTE, {}),
    ],
)
def test_what_is_said_of_the_operators_leg(
    name: str, fields: dict[str, str], kind: EventKind, told: dict[str, object]
) -> None:
    event, report = of_operator(name, **fields)
    assert event.kind is kind
    assert event.data.items() >= told.items()
    assert not report.unknown


def test_an_unknown_word_of_a_room_is_kept() -> None:
    event, report = of_operator("room_joined", StatusCallbackEvent="participant-levitates")
    assert (event.kind, report.unknown) == (EventKind.NOTE, ("participant-levitates",))
