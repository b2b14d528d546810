"""TwiML: what is said parses, and is exactly what was meant."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import get_args
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.base.instructions import (
    Answer,
    Details,
    Forward,
    HangUp,
    Hold,
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
    longest = twiml.document([Say("x" * (room - 1))])
    assert len(longest) == twiml.MAX_LENGTH - 1
    assert twiml.document([Say("x" * room)]) == longest


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
        ("https://x.example/p?k=v", {}, "https://x.example/p?k=v"),  # no & left over
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


LINES = st.text(st.sampled_from("a\t\n&<>\"'\u00e9\x00"), max_size=8)


@given(text=ANY_TEXT.map(lambda text: text.replace("\r", "")) | LINES)
def test_the_text_is_the_one_that_an_xml_library_writes(text: str) -> None:
    instructions = (
        Say(text),
        Forward("+14155550123", OUTCOME_URL, caller_id=text, extension="12#"),
        Forward("sip:a&b<c>@pbx.example", OUTCOME_URL),
        Return("https://x.example/?a&b", {"n": text}),
        replace(CONNECT, call_id=text),
        HangUp(),
    )
    for several in ((), instructions, *((each,) for each in instructions)):
        written = twiml.document(several)
        assert written == twiml.PROLOG + ET.tostring(ET.fromstring(written), encoding="unicode")


def test_a_line_break_of_an_attribute_reaches_the_reader() -> None:
    """A parser reads one that is not escaped as a space."""
    (dial,) = said(Forward("+14155550123", OUTCOME_URL, caller_id="a\r\n\tb"))
    assert dial.get("callerId") == "a\r\n\tb"


@pytest.mark.parametrize(
    "url",
    [
        *(
            "https://h.example/p",
            "http://h.example:8000/",
            "https://h.example:99999/",
            "https://h./",
        ),
        *("https://h.example", "https://H.example/", "https://u:p@h.example/", "https://[::1]/p"),
        *("https:///p", "https://.example/", "https://h.example/\x7f", "https://h.example/\u00e9"),
        *("https://h.example/ p", "https://h.example/\n", "ftp://h.example/", "wss://h.example/"),
        *("//h.example/", "https://:80/", "https://h.example/[", "https://h.example/?a#b", ""),
    ],
)
def test_the_usual_url_is_judged_as_every_other(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def judged() -> str:
        try:
            return twiml.absolute(url)
        except ValueError as error:
            return repr(error)

    quickly = judged()
    monkeypatch.setattr(twiml, "_WHOLE_URL", re.compile("(?!)(x)"))
    assert quickly == judged()


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


# ------------------------------------------------------------------ every attribute, every limit


def test_every_instruction_has_a_writer() -> None:
    assert set(twiml._WRITERS) == set(get_args(Instruction))


@pytest.mark.parametrize(
    ("seconds", "limit"),
    [(1, "1"), (7200, "7200"), (86_400, "86400"), (86_401, "86400"), (10**6, "86400")],
)
def test_a_forward_lasts_as_long_as_twilio_can(seconds: int, limit: str) -> None:
    (dial,) = said(Forward("+14155550123", OUTCOME_URL, max_duration=seconds))
    assert dial.get("timeLimit") == limit


@pytest.mark.parametrize(
    ("destination", "noun"),
    [
        ("+14155550123", "Number"),
        ("+1234567", "Number"),  # the shortest E.164
        ("+123456789012345", "Number"),  # the longest
        ("sip:desk@pbx.example", "Sip"),
        ("SIP:desk@pbx.example", "Sip"),
        ("sips:desk@pbx.example:5061;transport=tls?X-Team=a", "Sip"),
    ],
)
def test_whom_twilio_can_dial(destination: str, noun: str) -> None:
    (dial,) = said(Forward(destination, OUTCOME_URL))
    assert [(each.tag, each.text) for each in dial] == [(noun, destination)]


@pytest.mark.parametrize(
    "destination",
    [
        "+1",
        "+1234567890123456",
        "+1415555012a",
        "+1 415 555 0123",
        "\u0661\u0662\u0663",
        "sip:desk",
        "sip:@pbx.example",
        "sip:desk@",
        "sip:a@b@c",
        "sip:a@b\nc",
        "https://pbx.example",
    ],
    ids=ascii,
)
def test_whom_twilio_cannot_dial(destination: str) -> None:
    with pytest.raises(ValueError, match=r"E\.164 number, or to a SIP URI"):
        twiml.answer([Forward(destination, OUTCOME_URL)])


@pytest.mark.parametrize(
    ("keys", "good"),
    [
        ("1", True),
        ("0123456789*#", True),
        ("ww12W3", True),  # half a second each
        ("1" * 32, True),
        ("1" * 33, False),
        ("", False),
        ("1p2", False),  # Vonage's pause
        ("1,2", False),
        ("12a", False),
        ("12\n", False),
        ("\u0661", False),
    ],
    ids=ascii,
)
def test_what_can_be_pressed(keys: str, good: bool) -> None:
    if good:
        assert twiml.keys(keys) == keys
        return
    with pytest.raises(ValueError, match="extension"):
        twiml.keys(keys)


@pytest.mark.parametrize("caller", [None, ""])
def test_without_a_caller_id_twilio_shows_the_callers_own(caller: str | None) -> None:
    (dial,) = said(Forward("+14155550123", OUTCOME_URL, caller_id=caller))
    assert "callerId" not in dial.attrib


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("https://x.example/p", True),
        ("http://x.example:8080/p?a=b", True),
        ("https://x.example", True),
        ("HTTPS://x.example/", True),
        ("https://[::1]/p", True),
        ("https://[", False),
        ("wss://x.example/p", False),
        ("https:/x.example", False),
        ("https://x.example/a b", False),
        ("https://x.example/\x0b", False),
        ("https://x.example/\ud800", False),
        ("https://x.example/\u2003", False),
    ],
    ids=ascii,
)
def test_which_urls_twilio_can_call(text: str, good: bool) -> None:
    if good:
        assert twiml.absolute(text) == text
        return
    with pytest.raises(ValueError, match=r"absolute|spaces|Invalid|IPv6"):
        twiml.absolute(text)


def test_a_callback_is_tried_again_by_a_fragment_that_is_not_signed() -> None:
    """Without it one 500 of ours loses the word: Twilio retries a failed connect only."""
    assert twiml.retried("https://x.example/s?a=b") == "https://x.example/s?a=b#rc=3&rp=all"
    with pytest.raises(ValueError, match="fragment"):
        twiml.retried("https://x.example/s#rc=1")
    verb = said(CONNECT)[1]
    assert verb.text == CONNECT.continue_url, "a document that is asked for has no use for it"


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("timeout", "machineDetectionTimeout"),
        ("speech_threshold", "machineDetectionSpeechThreshold"),
        ("speech_end_threshold", "machineDetectionSpeechEndThreshold"),
        ("silence_timeout", "machineDetectionSilenceTimeout"),
    ],
)
def test_a_tunable_of_amd_is_told_where_it_is_set(field: str, name: str) -> None:
    machine = replace(MachineDetection(greeting=False, url=AMD_URL), **{field: 1234})
    found = twiml.detection(machine)
    assert {key: value for key, value in found.items() if key.startswith("machineDetection")} == {
        "machineDetection": "Enable",
        name: 1234,
    }


@given(
    st.lists(st.sampled_from(["say", "hang up", "forward", "return", "connect"]), max_size=5),
    ANY_TEXT,
)
def test_a_document_reads_back_as_it_was_written(kinds: list[str], text: str) -> None:
    """Every text survives XML, but for what XML cannot hold at all."""
    made: dict[str, Instruction] = {
        "say": Say(text),
        "hang up": HangUp(),
        "forward": Forward("+14155550123", OUTCOME_URL, caller_id=text),
        "return": Return("https://x.example/", {"a": text}),
        "connect": replace(CONNECT, call_id=text),
    }
    clean = twiml._clean(text)
    if len(clean) > 60:
        return
    root = said(*(made[kind] for kind in kinds))
    tags = {"say": ["Say"], "hang up": ["Hangup"], "forward": ["Dial"], "return": ["Redirect"]}
    tags["connect"] = ["Connect", "Redirect"]
    assert [each.tag for each in root] == [tag for kind in kinds for tag in tags[kind]]
    for verb in root:
        if verb.tag == "Say":
            assert as_xml_reads(verb.text or "") == as_xml_reads(clean)
        if verb.tag == "Dial":
            assert verb.get("callerId", "") == clean  # an attribute keeps its line ends
        if verb.tag == "Connect":
            parameter = verb[0][0]
            assert (parameter.get("name"), parameter.get("value")) == (
                "callId",
                clean,
            )
        if verb.tag == "Redirect" and verb.text and "?" in verb.text:
            assert parse_qsl(urlsplit(verb.text).query, keep_blank_values=True) == [("a", clean)]


def as_xml_reads(text: str) -> str:
    """https://www.w3.org/TR/xml/#sec-line-ends"""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def test_the_document_says_its_encoding() -> None:
    body = twiml.answer([Say("Zo\u00eb \U0001f4de")]).body
    assert body.startswith(b'<?xml version="1.0" encoding="UTF-8"?><Response>')
    assert "Zo\u00eb \U0001f4de".encode() in body


def test_the_limit_counts_characters_as_twilio_does() -> None:
    """Not bytes; and what is escaped counts as it is written."""
    assert twiml.document([Say("\u00eb" * 3000)])
    assert twiml.document([Say("&" * 700)]).count("&amp;") == 700
    assert 700 < twiml.document([Say("&" * 1500)]).count("&amp;") < 800


def test_details_of_an_inbound_call_are_the_same() -> None:
    outbound, inbound = (
        twiml.details(Details("+1415", None, STATUS_URL, each, CONNECT)) for each in (False, True)
    )
    assert outbound == inbound
    assert "from" not in inbound


# ------------------------------------------------------------------ a leg that waits

HOLD = Hold(f"{ORIGIN}/hold-music/12.wav", f"{ORIGIN}/twilio/wait/{TOKEN}", "Bitte", "de-DE")


def test_a_held_leg_hears_its_text_and_music_and_asks_again() -> None:
    said_, music, again = said(HOLD)
    assert (said_.tag, said_.text, said_.attrib) == ("Say", "Bitte", {"language": "de-DE"})
    assert (music.tag, music.text, music.attrib) == ("Play", HOLD.audio_url, {})
    assert (again.tag, again.text) == ("Redirect", HOLD.next_url)


def test_a_key_asks_in_the_music() -> None:
    gather, again = said(replace(HOLD, takes_key=True, text=""))
    assert (gather.tag, gather.attrib["numDigits"]) == ("Gather", "1")
    assert gather.attrib["action"] == again.text == HOLD.next_url
    assert [each.tag for each in gather] == ["Play"]
