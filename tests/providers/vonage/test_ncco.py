"""Instructions as NCCO, and the answers to webhooks."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any, get_args
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.base.instructions import (
    Brief,
    Connect,
    Details,
    Fetch,
    Forward,
    HangUp,
    Hold,
    Instruction,
    Join,
    Listen,
    MachineDetection,
    Park,
    Play,
    Refer,
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
        (MissingSignature("x"), False, 503),
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


# ------------------------------------------------------------------ every key, every limit


def test_every_instruction_is_an_action_or_the_end() -> None:
    made: dict[type[Instruction], Instruction] = {
        Connect: CONNECT,
        Forward: Forward("+14155550123", OUTCOME),
        Return: Return("https://flow.example/back", {}),
        Say: Say("x"),
        Hold: HOLD,
        Park: Park("room", OUTCOME, EVENTS),
        Join: Join("room"),
        Play: Play("https://a.example/a.mp3"),
        Listen: Listen(OUTCOME, 10),
        Brief: Brief("<Say>x</Say>", OUTCOME),
        Fetch: Fetch(OUTCOME),
        HangUp: HangUp(),
    }
    assert {*made, Refer} == set(get_args(Instruction))  # Vonage sends no REFER
    names = {kind: [action["action"] for action in rendered(each)] for kind, each in made.items()}
    assert names == {
        Connect: ["connect"],
        Forward: ["connect"],
        Return: ["notify"],
        Say: ["talk"],
        Hold: ["talk", "stream", "notify"],
        Park: ["conversation", "notify"],
        Join: ["conversation"],
        Play: ["stream"],
        Listen: ["input"],
        Brief: ["talk"],
        Fetch: ["notify"],
        HangUp: [],  # there is no action for it: an NCCO that ends does
    }


def test_a_leg_is_not_referred() -> None:
    with pytest.raises(ValueError, match="no SIP REFER"):
        rendered(Refer("sip:desk@pbx.example", OUTCOME))


def test_what_follows_a_hang_up_is_left_out() -> None:
    forward = Forward("+14155550123", OUTCOME)
    assert [each["action"] for each in rendered(Say("a"), forward, HangUp(), Say("b"))] == [
        "talk",
        "connect",
    ]


@pytest.mark.parametrize("seconds", [3, 30, 7200])
def test_how_long_vonage_rings(seconds: int) -> None:
    (action,) = rendered(Forward("+14155550123", OUTCOME, timeout=seconds))
    assert action["timeout"] == seconds


@pytest.mark.parametrize("seconds", [-1, 0, 2, 7201])
def test_how_long_it_does_not(seconds: int) -> None:
    with pytest.raises(ValueError, match=f"3 to 7200 seconds, not {seconds}"):
        ncco.answer([Forward("+14155550123", OUTCOME, timeout=seconds)])


@pytest.mark.parametrize(
    ("seconds", "limit"), [(1, 1), (7199, 7199), (7200, 7200), (7201, 7200), (10**6, 7200)]
)
def test_a_forward_lasts_as_long_as_vonage_can(seconds: int, limit: int) -> None:
    (action,) = rendered(Forward("+14155550123", OUTCOME, max_duration=seconds))
    assert action["limit"] == limit


@pytest.mark.parametrize(
    ("destination", "endpoint"),
    [
        ("+14155550123", {"type": "phone", "number": "14155550123"}),
        ("14155550123", {"type": "phone", "number": "14155550123"}),  # as Vonage writes it
        ("+1234567", {"type": "phone", "number": "1234567"}),  # the shortest
        ("+123456789012345", {"type": "phone", "number": "123456789012345"}),  # the longest
        ("sip:desk@pbx.example", {"type": "sip", "uri": "sip:desk@pbx.example"}),
        ("sips:desk@pbx.example:5061", {"type": "sip", "uri": "sips:desk@pbx.example:5061"}),
        ("sip:" + "a" * 500, {"type": "sip", "uri": "sip:" + "a" * 500}),
    ],
)
def test_whom_vonage_can_dial(destination: str, endpoint: dict[str, str]) -> None:
    assert ncco.endpoint(destination) == endpoint


@pytest.mark.parametrize(
    "destination",
    [
        "",
        "+123456",
        "+1234567890123456",
        "+0123456789",
        "++14155550123",
        "+1 415 555 0123",
        "\u0661\u0662\u0663\u0664\u0665\u0666\u0667",
        "SIP:desk@pbx.example",  # its scheme is written small
        "sip:",
        "sip:" + "a" * 501,
        "sip:a\u00e9@pbx.example",
        "tel:+14155550123",
        "wss://patchbay.example/x",
    ],
    ids=ascii,
)
def test_whom_vonage_cannot_dial(destination: str) -> None:
    with pytest.raises(ValueError, match=r"E\.164 numbers, and to sip:"):
        ncco.endpoint(destination)


@pytest.mark.parametrize(
    ("keys", "pressed"),
    [
        ("1", "1"),
        ("0123456789*#", "0123456789*#"),
        ("p1p", "p1p"),
        ("w1ww", "p1pp"),  # half a second is p here, w elsewhere
        ("1W", None),
        ("1,2", None),
        ("12a", None),
        ("12\n", None),
        ("\u0661", None),
    ],
    ids=ascii,
)
def test_what_can_be_pressed(keys: str, pressed: str | None) -> None:
    if pressed is None:
        with pytest.raises(ValueError, match="extension"):
            ncco.endpoint("+14155550123", keys)
        return
    assert ncco.endpoint("+14155550123", keys)["dtmfAnswer"] == pressed


@pytest.mark.parametrize("keys", [None, ""])
def test_nothing_to_press(keys: str | None) -> None:
    assert ncco.endpoint("+14155550123", keys) == {"type": "phone", "number": "14155550123"}


@pytest.mark.parametrize(
    ("caller", "shown"),
    [
        ("+14155550100", {"from": "14155550100"}),  # without its plus
        ("14155550100", {"from": "14155550100"}),
        ("anonymous", {"from": "anonymous"}),  # Vonage makes "unknown" of what is not yours
        (None, {}),
        ("", {}),
    ],
)
def test_the_caller_id_of_a_forward(caller: str | None, shown: dict[str, str]) -> None:
    (action,) = rendered(Forward("+14155550123", OUTCOME, caller_id=caller))
    assert {name: value for name, value in action.items() if name == "from"} == shown


@pytest.mark.parametrize("action", ["connect", "forward", "return", "record"])
def test_an_event_url_is_an_array_of_one(action: str) -> None:
    """A text in its place is a syntax error, and the call drops after a second."""
    instruction: Instruction = {
        "connect": CONNECT,
        "forward": Forward("+14155550123", OUTCOME),
        "return": Return("https://flow.example/back", {}),
        "record": replace(CONNECT, recording_url=EVENTS),
    }[action]
    for made in rendered(instruction):
        assert isinstance(made["eventUrl"], list)
        assert [urlsplit(url).scheme for url in made["eventUrl"]] == ["https"]
        assert made["eventMethod"] == "POST"


@pytest.mark.parametrize("greeting", [True, False])
def test_machines_are_listened_for_beside_the_call(greeting: bool) -> None:
    """Vonage has no word for the rest: thresholds are its own, and the verdict needs no address."""
    machine = MachineDetection(greeting, 12, 2000, 800, 3000, url="https://x.example")
    assert ncco.detection(machine) == {"behavior": "continue", "mode": "detect"}


@given(
    st.lists(st.sampled_from(["say", "forward", "return", "connect", "record"]), max_size=5),
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60),
)
def test_an_ncco_reads_back_as_it_was_written(kinds: list[str], text: str) -> None:
    """Every text survives JSON, but for the control characters that Vonage refuses."""
    made: dict[str, Instruction] = {
        "say": Say(f"x{text}"),
        "forward": Forward("+14155550123", OUTCOME, caller_id=text),
        "return": Return("https://flow.example/back", {"a": text}),
        "connect": replace(CONNECT, call_id=text, number=text),
        "record": replace(CONNECT, recording_url=EVENTS),
    }
    body = ncco.answer([made[kind] for kind in kinds]).body
    assert body == json.dumps(json.loads(body), ensure_ascii=False, separators=(",", ":")).encode()
    clean = re.sub("[\x00-\x1f\x7f]", " ", text)
    for action in json.loads(body):
        if action["action"] == "talk":
            assert action["text"] == " ".join(f"x{clean}".split())
        if action["action"] == "notify":
            assert action["payload"] == {"a": clean}
        if action["action"] == "connect" and action["endpoint"][0]["type"] == "websocket":
            assert action["endpoint"][0]["headers"]["callId"] in (text, CALL_ID)


def test_a_text_of_many_parts_is_said_whole() -> None:
    text = " ".join(f"word{number}" for number in range(1000))
    parts = [action["text"] for action in rendered(Say(text))]
    assert " ".join(parts) == text
    assert all(1400 < len(part) <= 1500 for part in parts[:-1])


def test_an_answer_is_json_whatever_it_says() -> None:
    """A text/html body is an incorrectly encoded NCCO: not retried, the call drops."""
    for answer in (
        ncco.answer([]),
        ncco.answer([CONNECT]),
        ncco.acknowledge(),
        ncco.refusal(BadRequest("x")),
        ncco.refusal(RuntimeError("x"), transient=True),
    ):
        assert answer.content_type == "application/json"


def test_details_speak_camel_case_and_the_api_snake_case() -> None:
    made = ncco.details(Details("+447700900123", "+14155550100", EVENTS, False, CONNECT))
    assert set(made) == {"to", "from", "ncco", "eventUrl", "eventMethod"}
    assert made["eventUrl"] == [EVENTS]


@pytest.mark.parametrize("to", ["+447700900123", "447700900123", "sip:a@b.example", "alice", None])
def test_details_name_whom_they_were_given(to: str | None) -> None:
    made = ncco.details(Details(to, None, EVENTS, False, CONNECT))
    assert made.get("to") == (to.removeprefix("+") if to else None)
    assert "advancedMachineDetection" not in made


# ------------------------------------------------------------------ a leg that waits

HOLD = Hold("https://b.example/12.wav", "https://b.example/vonage/wait/1", "Bitte", "de-DE")


def test_a_held_leg_hears_its_text_and_music_and_asks_again() -> None:
    talk, stream, ask = ncco.actions([HOLD])
    assert talk == {"action": "talk", "text": "Bitte", "language": "de-DE"}
    assert stream == {"action": "stream", "streamUrl": [HOLD.audio_url]}
    assert (ask["action"], ask["eventUrl"]) == ("notify", [HOLD.next_url])


def test_a_key_asks_in_the_music() -> None:
    """Only the action before the input may have ``bargeIn``."""
    talk, stream, ask = ncco.actions([replace(HOLD, takes_key=True)])
    assert ("bargeIn" in talk, stream["bargeIn"]) == (False, True)
    assert (ask["action"], ask["type"], ask["dtmf"]["maxDigits"]) == ("input", ["dtmf"], 1)
