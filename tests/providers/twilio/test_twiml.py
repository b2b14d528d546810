"""TwiML: what is said parses, and is exactly what was meant."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.base.instructions import (
    Answer,
    Details,
    Forward,
    HangUp,
    Instruction,
    MachineDetection,
    Return,
    Say,
    stream_id,
)
from providers.errors import BadRequest, NoSecret
from providers.testing.contract import CALL_ID, MEDIA_URL, ORIGIN, OUTCOME_URL, TOKEN, arrow
from providers.twilio import twiml
from tests.providers.twilio.case import ACCOUNT_SID, FLOW_SID

CONNECT = arrow()
FLOW_URL = f"https://webhooks.twilio.com/v1/Accounts/{ACCOUNT_SID}/Flows/{FLOW_SID}"
STATUS_URL = f"{ORIGIN}/twilio/status/{TOKEN}"
ANY_TEXT = st.text(st.characters(), max_size=80)  # lone surrogates and control characters too


def said(*instructions: Instruction) -> ET.Element:
    answer = twiml.answer(instructions)
    assert (answer.content_type, answer.status) == ("text/xml", 200)
    return ET.fromstring(answer.body)


def verbs(root: ET.Element) -> list[str]:
    return [each.tag for each in root.iter()]


def redirect(url: str, params: dict[str, str]) -> str:
    (verb,) = said(Return(url, params))
    assert (verb.tag, verb.attrib) == ("Redirect", {"method": "POST"})
    assert verb.text
    return verb.text


# ------------------------------------------------------------------ the document of a call


def test_the_whole_document() -> None:
    assert twiml.document([CONNECT]) == (
        '<?xml version="1.0" encoding="UTF-8"?>'
        "<Response><Connect>"
        f'<Stream url="{MEDIA_URL}" name="{stream_id(MEDIA_URL)}"'
        f' statusCallback="{ORIGIN}/carrier/stream/{TOKEN}#rc=3&amp;rp=all">'
        f'<Parameter name="callId" value="{CALL_ID}" /></Stream></Connect>'
        f'<Redirect method="POST">{ORIGIN}/carrier/after/{TOKEN}</Redirect></Response>'
    )


def test_the_streams_name_gives_its_token_to_nobody() -> None:
    token = MEDIA_URL.rsplit("/", 1)[-1]
    assert twiml.document([CONNECT]).count(token) == 1


def test_development_may_use_ws() -> None:
    connect = replace(CONNECT, media_url="ws://localhost:8000/media/twilio/x")
    assert verbs(said(connect))[2] == "Stream"


@pytest.mark.parametrize(
    "connect",
    [
        replace(CONNECT, media_url=f"{MEDIA_URL}?a=b"),  # Twilio drops it
        replace(CONNECT, media_url=f"{MEDIA_URL}?"),
        replace(CONNECT, media_url=f"{MEDIA_URL}#x"),
        replace(CONNECT, media_url="http://patchbay.example/media/x"),
        replace(CONNECT, media_url="wss:///media/x"),  # nobody's
        replace(CONNECT, media_url="wss://patchbay.example/media/x y"),
        replace(CONNECT, media_url="wss://patchbay.example/media/x\n"),
        replace(CONNECT, stream_url="/twilio/stream/x"),
        replace(CONNECT, stream_url=f"{ORIGIN}/twilio/stream/x#rc=1"),  # two fragments
        replace(CONNECT, continue_url="twilio/after/x"),
        replace(CONNECT, continue_url="//patchbay.example/twilio/after/x"),
        replace(CONNECT, continue_url=""),
        replace(CONNECT, call_id="x" * 4000),  # too long a document
    ],
)
def test_a_document_twilio_could_not_follow(connect: Instruction) -> None:
    with pytest.raises(ValueError):
        twiml.answer([connect])


def test_the_limit_is_on_the_whole_document() -> None:
    room = twiml.MAX_LENGTH - len(twiml.document([Say("")])) - len("<Say></Say>") + len("<Say />")
    assert len(twiml.document([Say("x" * (room - 1))])) == twiml.MAX_LENGTH - 1
    with pytest.raises(ValueError, match="4000"):
        twiml.document([Say("x" * room)])


# ------------------------------------------------------------------ one instruction each


def test_a_hang_up() -> None:
    assert verbs(said(HangUp())) == ["Response", "Hangup"]


def test_instructions_follow_each_other() -> None:
    root = said(Say("Goodbye."), HangUp())
    assert verbs(root) == ["Response", "Say", "Hangup"]
    assert root[0].text == "Goodbye."


def test_a_forward_to_a_number() -> None:
    (dial,) = said(Forward("+14155550123", OUTCOME_URL, "+12125550100", "12#", 20, 60))
    assert dial.attrib == {
        "action": OUTCOME_URL,
        "method": "POST",
        "answerOnBridge": "true",
        "timeout": "20",
        "timeLimit": "60",
        "callerId": "+12125550100",
    }
    (number,) = dial
    assert (number.tag, number.text, number.attrib) == (
        "Number",
        "+14155550123",
        {"sendDigits": "12#"},
    )


def test_a_forward_to_a_sip_address() -> None:
    (dial,) = said(Forward("sip:desk@pbx.example;transport=tls", OUTCOME_URL))
    assert "callerId" not in dial.attrib
    (sip,) = dial
    assert (sip.tag, sip.text) == ("Sip", "sip:desk@pbx.example;transport=tls")


@pytest.mark.parametrize(
    "forward",
    [
        Forward("14155550123", OUTCOME_URL),  # not E.164
        Forward("+1415555\r\nX: y", OUTCOME_URL),
        Forward("+0123456", OUTCOME_URL),
        Forward("sip:", OUTCOME_URL),
        Forward("sip:a b@pbx.example", OUTCOME_URL),
        Forward("tel:+14155550123", OUTCOME_URL),
        Forward("client:bob", OUTCOME_URL),
        Forward("+14155550123", OUTCOME_URL, extension="call bob"),
        Forward("sip:desk@pbx.example", OUTCOME_URL, extension="12"),  # <Sip> sends no digits
        Forward("+14155550123", "dial/x"),
    ],
)
def test_a_forward_twilio_could_not_make(forward: Forward) -> None:
    with pytest.raises(ValueError):
        twiml.answer([forward])


# ------------------------------------------------------------------ return


@pytest.mark.parametrize(
    ("url", "params", "expected"),
    [
        # a Studio flow takes the call back only from FlowEvent=return
        (FLOW_URL, {"a": "b"}, f"{FLOW_URL}?a=b&FlowEvent=return"),
        (f"{FLOW_URL}?FlowEvent=return", {"a": "b"}, f"{FLOW_URL}?a=b&FlowEvent=return"),
        (f"{FLOW_URL}?FlowEvent=audio", {}, f"{FLOW_URL}?FlowEvent=return"),
        (FLOW_URL, {"FlowEvent": "x"}, f"{FLOW_URL}?FlowEvent=return"),
        # anybody else's URL is left alone
        ("https://x.example", {}, "https://x.example"),
        ("https://x.example/p", {"a": "b c&d+\u00e9"}, "https://x.example/p?a=b%20c%26d%2B%C3%A9"),
        ("https://x.example/p?k=%2B&l=+&m", {"a": "b"}, "https://x.example/p?k=%2B&l=+&m&a=b"),
        ("https://x.example/p?a=old&k=v", {"a": "b"}, "https://x.example/p?k=v&a=b"),
        ("https://x.example/p?%61=old", {"a": "b"}, "https://x.example/p?a=b"),  # the same name
        ("https://x.example/p#rc=2", {"a": "b"}, "https://x.example/p?a=b#rc=2"),
        ("http://x.example:8080/p", {"a": ""}, "http://x.example:8080/p?a="),
        # a look-alike is not Studio
        ("https://webhooks.twilio.com.x.example/", {}, "https://webhooks.twilio.com.x.example/"),
    ],
)
def test_a_return(url: str, params: dict[str, str], expected: str) -> None:
    assert redirect(url, params) == expected


@pytest.mark.parametrize("url", ["", "/p", "ftp://x.example/", "https://", "https://x.example/ p"])
def test_a_return_to_nowhere(url: str) -> None:
    with pytest.raises(ValueError):
        twiml.answer([Return(url, {})])


@given(params=st.dictionaries(ANY_TEXT, ANY_TEXT, max_size=3))
def test_whatever_is_returned_arrives_as_it_was_meant(params: dict[str, str]) -> None:
    url = redirect(FLOW_URL, params)
    wanted = {twiml._clean(name): twiml._clean(value) for name, value in params.items()}
    got = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    assert got == {**wanted, "FlowEvent": "return"}


# ------------------------------------------------------------------ hostile text

HOSTILE = [
    "</Say><Dial>+1900</Dial><Say>",
    "]]>",
    "<![CDATA[",
    "&amp;&lt;&#0;",
    "<!-- ",
    "NUL \x00 and VT \x0b",
    "lone \ud800 surrogate",
    "not a character \uffff",
    "\u202eright to left",
    "\U0001f4de",
]


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_hostile_text_stays_text(text: str) -> None:
    root = said(Say(text), HangUp())
    assert verbs(root) == ["Response", "Say", "Hangup"]
    assert (root[0].text or "") == twiml._clean(text)


@given(text=ANY_TEXT)
def test_any_text_is_exactly_the_verbs_meant(text: str) -> None:
    connect = replace(CONNECT, call_id=text)
    forward = Forward("+14155550123", OUTCOME_URL, caller_id=text)
    back = Return("https://x.example/", {text: text})
    root = said(Say(text), forward, back, connect)
    assert verbs(root) == [
        *("Response", "Say", "Dial", "Number", "Redirect"),
        *("Connect", "Stream", "Parameter", "Redirect"),
    ]


# ------------------------------------------------------------------ details, acknowledge, refusal


def test_details_are_the_arguments_of_create_call() -> None:
    assert twiml.details(Details("+1415", "+1212", STATUS_URL, False, CONNECT)) == {
        "to": "+1415",
        "from": "+1212",
        "twiml": twiml.document([CONNECT]),
        "statusCallback": f"{STATUS_URL}#rc=3&rp=all",
        "statusCallbackEvent": ["initiated", "ringing", "answered", "completed"],
        "statusCallbackMethod": "POST",
    }


def test_details_with_a_relative_url_are_our_bug() -> None:
    with pytest.raises(ValueError, match="absolute"):
        twiml.details(Details("+1415", "+1212", "/twilio/status/x", False, CONNECT))


def test_an_acknowledgement_says_nothing() -> None:
    assert twiml.acknowledge() == Answer(b"", "text/xml", 204)


@pytest.mark.parametrize(
    ("error", "transient", "status"),
    [
        (NoSecret("x"), False, 403),
        (BadRequest("x"), False, 400),
        (RuntimeError("x"), False, 500),
        (NoSecret("x"), True, 503),  # we could not look the secret up
        (RuntimeError("x"), True, 503),
    ],
)
def test_a_refusal(error: Exception, transient: bool, status: int) -> None:
    answer = twiml.refusal(error, transient=transient)
    assert (answer.status, answer.content_type) == (status, "text/plain")
    assert len(answer.body) < 20


# ------------------------------------------------------------------ answering machine detection


AMD_URL = "https://bridge.example.com/twilio/amd/t"


def test_details_have_twilio_listen_beside_the_call() -> None:
    machine = MachineDetection(greeting=True, timeout=12, silence_timeout=3000, url=AMD_URL)
    details = twiml.details(Details("+1415", "+1212", STATUS_URL, False, CONNECT, machine))
    wanted = {
        "machineDetection": "DetectMessageEnd",
        "asyncAmd": "true",  # Twilio's type: a text
        "asyncAmdStatusCallback": f"{AMD_URL}#rc=3&rp=all",
        "asyncAmdStatusCallbackMethod": "POST",
        "machineDetectionTimeout": 12,
        "machineDetectionSilenceTimeout": 3000,
    }
    assert {name: details.get(name) for name in wanted} == wanted
    assert "machineDetectionSpeechThreshold" not in details


def test_a_verdict_at_the_first_word() -> None:
    found = twiml.detection(MachineDetection(greeting=False, url=AMD_URL))
    assert found["machineDetection"] == "Enable"


def test_a_verdict_needs_an_address() -> None:
    with pytest.raises(ValueError, match="absolute"):
        twiml.detection(MachineDetection(greeting=False))
