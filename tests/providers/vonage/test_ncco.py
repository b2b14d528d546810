"""Instructions as NCCO, and the answers to webhooks."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.base.instructions import (
    Connect,
    Details,
    Forward,
    HangUp,
    Instruction,
    MachineDetection,
    Return,
    Say,
)
from providers.errors import BadRequest, InvalidSignature, MissingSignature, NoSecret
from providers.vonage import ncco
from tests.providers.vonage.cases import MEDIA_URL

CALL_ID = "7a9d3c52-61f0-4f0e-9a55-3f1f6f5a1b11"
EVENTS = "https://patchbay.example/vonage/event/tok_1"
OUTCOME = "https://patchbay.example/vonage/forward/tok_1"
CONNECT = Connect(CALL_ID, MEDIA_URL, EVENTS, EVENTS, "+14155550100")


def rendered(*instructions: Instruction) -> list[dict[str, Any]]:
    answer = ncco.answer(instructions)
    assert (answer.status, answer.content_type) == (200, "application/json")
    actions = json.loads(answer.body)
    assert isinstance(actions, list)
    return actions


# ------------------------------------------------------------------ connect


def test_connect_is_one_action() -> None:
    assert rendered(CONNECT) == [
        {
            "action": "connect",
            "from": "14155550100",
            "eventType": "synchronous",
            "eventUrl": [EVENTS],
            "eventMethod": "POST",
            "endpoint": [
                {
                    "type": "websocket",
                    "uri": MEDIA_URL,
                    "content-type": "audio/l16;rate=16000",
                    "headers": {"callId": CALL_ID},
                    "authorization": {"type": "vonage"},
                }
            ],
        }
    ]


@pytest.mark.parametrize(
    ("number", "label"),
    [("+14155550100", "14155550100"), ("support", "support"), (None, "Patchbay"), ("", "Patchbay")],
)
def test_the_label_of_the_media_leg(number: str | None, label: str) -> None:
    assert rendered(replace(CONNECT, number=number))[0]["from"] == label


def test_a_development_server_without_tls() -> None:
    connect = replace(CONNECT, media_url="ws://localhost:8000/media/vonage/t")
    assert rendered(connect)[0]["endpoint"][0]["uri"] == "ws://localhost:8000/media/vonage/t"


def test_headers_fill_512_bytes_and_no_more() -> None:
    overhead = len('{"callId":""}')
    fits = replace(CONNECT, call_id="x" * (512 - overhead))
    assert rendered(fits)
    with pytest.raises(ValueError, match="512"):
        ncco.answer([replace(CONNECT, call_id="x" * (513 - overhead))])
    with pytest.raises(ValueError, match="512"):  # bytes, not characters
        ncco.answer([replace(CONNECT, call_id="é" * 300)])


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/media/vonage/t",
        "wss:///media/vonage/t",
        "https://patchbay.example/media/vonage/t",
        f"{MEDIA_URL}?token=1",
        f"{MEDIA_URL}#t",
    ],
)
def test_wrong_media_urls(url: str) -> None:
    with pytest.raises(ValueError, match="media URL"):
        ncco.answer([replace(CONNECT, media_url=url)])


@pytest.mark.parametrize(
    "url", ["", "/vonage/event/t", "https:///x", "ftp://a.example/x", "mailto:a"]
)
def test_wrong_callback_urls(url: str) -> None:
    details = Details("+1", "+2", url, True, CONNECT)
    for instruction in (
        replace(CONNECT, stream_url=url),
        Return(url, {}),
        Forward("+14155550123", url),
    ):
        with pytest.raises(ValueError, match="absolute"):
            ncco.answer([instruction])
    with pytest.raises(ValueError, match="absolute"):
        ncco.details(details)


# ------------------------------------------------------------------ forward


def test_forward_to_a_number() -> None:
    forward = Forward(
        "+447700900999",
        OUTCOME,
        caller_id="+14155550100",
        extension="1w2#",
        timeout=20,
        max_duration=60,
    )
    assert rendered(forward) == [
        {
            "action": "connect",
            "from": "14155550100",
            "timeout": 20,
            "limit": 60,
            "eventType": "synchronous",
            "eventUrl": [OUTCOME],
            "eventMethod": "POST",
            "endpoint": [{"type": "phone", "number": "447700900999", "dtmfAnswer": "1p2#"}],
        }
    ]


def test_a_forward_is_as_long_as_vonage_can() -> None:
    (action,) = rendered(Forward("+447700900999", OUTCOME, max_duration=86_400))
    assert action["limit"] == 7200


def test_forward_to_a_sip_address() -> None:
    (action,) = rendered(Forward("sip:desk@pbx.example;transport=tls", OUTCOME))
    assert action["endpoint"] == [{"type": "sip", "uri": "sip:desk@pbx.example;transport=tls"}]
    assert "from" not in action


@pytest.mark.parametrize(
    "changes",
    [
        {"destination": ""},
        {"destination": "reception"},
        {"destination": "911"},  # no country
        {"destination": "+0123456789"},
        {"destination": "+1415555012345678"},  # 16 digits
        {"destination": "+14155550123\r\nX: y"},
        {"destination": "+14155550123\n"},
        {"destination": "٤٤٧٧٠٠٩٠٠١٢٣"},
        {"destination": "sip:"},
        {"destination": "sip:a b@pbx.example"},
        {"destination": "sip:a@pbx.example\r\n"},
        {"destination": "wss://elsewhere.example"},
        {"destination": "sip:a@pbx.example", "extension": "12"},
        {"extension": "12a"},
        {"extension": "12\n"},
        {"timeout": 2},
        {"timeout": 7201},
    ],
)
def test_wrong_forwards(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        ncco.answer([replace(Forward("+14155550123", OUTCOME), **changes)])


# ------------------------------------------------------------------ the rest


def test_return_notifies_the_flow() -> None:
    back = Return("https://flow.example/back?step=2", {"endedReason": "customer-ended-call"})
    assert rendered(back) == [
        {
            "action": "notify",
            "payload": {"endedReason": "customer-ended-call"},
            "eventUrl": ["https://flow.example/back?step=2"],
            "eventMethod": "POST",
        }
    ]


def test_there_is_no_action_that_hangs_up() -> None:
    assert ncco.answer([HangUp()]).body == b"[]"
    assert rendered(Say("Bye."), HangUp(), CONNECT) == [{"action": "talk", "text": "Bye."}]
    assert rendered() == []


def test_instructions_keep_their_order() -> None:
    actions = rendered(Say("One moment."), Forward("+14155550123", OUTCOME))
    assert [action["action"] for action in actions] == ["talk", "connect"]


@pytest.mark.parametrize(
    ("text", "lengths"),
    [
        ("", []),  # an empty talk would be an error
        (" \n\t", []),
        ("word", [4]),
        ("x" * 1500, [1500]),
        ("x" * 1501, [1500, 1]),  # no space to cut at
        (("x" * 999 + " ") * 2, [999, 999]),
        ("x" * 1500 + " y", [1500, 1]),
        ("x" * 1000 + " " + "y" * 499 + " z", [1500, 1]),  # as full as words allow
    ],
)
def test_long_texts_are_cut(text: str, lengths: list[int]) -> None:
    assert [len(action["text"]) for action in rendered(Say(text))] == lengths


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ('Say "hi" & <b>', 'Say "hi" & <b>'),  # JSON needs no more than its quotes
        ('</Say><Dial>"}],[{', '</Say><Dial>"}],[{'),
        ("a\x00b\x0bc\nd", "a b c d"),
        ("a\ud800b", "a b"),
        ("Zoë \u202e שלום", "Zoë \u202e שלום"),
        ('<speak><break time="3600s"/></speak>', ' speak  break time="3600s"/  /speak '),
        ("  <SPEAK>x", " SPEAK x"),
    ],
)
def test_texts_are_spoken_not_obeyed(text: str, spoken: str) -> None:
    assert rendered(Say(text)) == [{"action": "talk", "text": spoken}]


@given(st.text(alphabet=st.characters(), max_size=4000))
def test_any_text_makes_talks_and_nothing_else(text: str) -> None:
    for action in rendered(Say(text)):
        assert set(action) == {"action", "text"}
        assert action["action"] == "talk"
        assert 0 < len(action["text"]) <= 1500
        assert not action["text"].lower().lstrip().startswith("<speak")


@given(st.dictionaries(st.text(max_size=20), st.text(alphabet=st.characters(), max_size=50)))
def test_any_outcome_can_be_told(params: dict[str, str]) -> None:
    (action,) = rendered(Return("https://flow.example/back", params))
    assert set(action["payload"]) == set(params)


@given(st.text(alphabet=st.characters(), max_size=60))
def test_any_destination_is_a_number_a_sip_address_or_refused(destination: str) -> None:
    try:
        (action,) = rendered(Forward(destination, OUTCOME))
    except ValueError:
        return
    assert action["endpoint"][0].get("number", "").isascii()


# ------------------------------------------------------------------ details


def test_details_are_arguments_of_create_call() -> None:
    details = Details("+447700900123", "+14155550100", EVENTS, True, CONNECT)
    assert ncco.details(details) == {
        "to": "447700900123",
        "from": "14155550100",
        "ncco": rendered(CONNECT),
        "eventUrl": [EVENTS],
        "eventMethod": "POST",
    }


def test_details_of_an_unknown_caller() -> None:
    made = ncco.details(Details("sip:a@b.example", None, EVENTS, True, CONNECT))
    assert made["to"] == "sip:a@b.example"
    assert "from" not in made


# ------------------------------------------------------------------ answers


def test_an_acknowledgement_has_no_body() -> None:
    answer = ncco.acknowledge()
    assert (answer.status, answer.body, answer.content_type) == (204, b"", "application/json")


@pytest.mark.parametrize(
    ("error", "transient", "status"),
    [
        (MissingSignature("x"), False, 401),
        (InvalidSignature("x"), False, 401),
        (NoSecret("x"), False, 401),
        (BadRequest("x"), False, 400),
        (BadRequest("x"), True, 503),
        (RuntimeError("x"), True, 503),  # 500 would not be tried again
    ],
)
def test_refusals(error: Exception, transient: bool, status: int) -> None:
    answer = ncco.refusal(error, transient=transient)
    assert answer.status == status
    # An object, never an array: nothing of it can be taken for an NCCO.
    assert set(json.loads(answer.body)) == {"message"}


def test_details_have_vonage_listen_beside_the_call() -> None:
    details = Details("+447700900123", None, EVENTS, False, CONNECT, MachineDetection(True))
    made = ncco.details(details)
    assert made["advancedMachineDetection"] == {"behavior": "continue", "mode": "detect"}
