"""Vapi's ``twiml`` for an operator's leg: what is taken, and what each carrier makes of it."""

from __future__ import annotations

import inspect
import re
from typing import Any
from xml.etree import ElementTree

import pytest
from twilio.twiml.voice_response import VoiceResponse  # type: ignore[import-untyped]
from vonage_voice.models import ncco as published

from providers.base.instructions import Brief, Fetch
from providers.common.operator_twiml import ATTRIBUTES, SSML, hangs_up, parse, seconds
from providers.twilio import twiml
from providers.vonage import ncco

URL = "https://patchbay.example/briefed/t"
SCREENED = """
<Gather numDigits="1" timeout="7">
  <Say voice="alice" language="en-GB">Press a key &amp; take the caller.</Say>
</Gather>
<Hangup/>
"""
ALL = (
    '<Say voice="alice" language="en-US" loop="2">A &lt;b&gt; &amp; c.</Say>'
    '<Play loop="3">https://x.example/a.mp3?b=1&amp;c=2</Play><Pause length="2"/>'
    '<Say>One <break time="1s"/> moment.</Say>'
)


def said(markup: str) -> ElementTree.Element:
    return ElementTree.fromstring(twiml.document([Brief(markup, URL), Fetch(URL)]))


def actions(markup: str) -> list[dict[str, Any]]:
    return ncco.actions([Brief(markup, URL), Fetch(URL)])


@pytest.mark.parametrize(
    ("markup", "why"),
    [
        ("", "has no verb"),
        ("  ", "has no verb"),
        ("Hello", "text outside"),
        ("<Say>Hello", "not well-formed"),
        ("<Say>a & b</Say>", "not well-formed"),
        ("</Response><Say>a</Say><Response>", "not well-formed"),
        ('<?xml version="1.0"?><Say>a</Say>', "not well-formed"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><Say>&b;</Say>', "not well-formed"),
        ("<Dial>+14155550123</Dial>", "has <Dial>"),
        ("<say>a</say>", "has <say>"),
        ("<Say>a</Say><Redirect>https://x.example/</Redirect>", "has <Redirect>"),
        ("<Gather><Hangup/></Gather>", "has <Hangup> in <Gather>"),
        ("<Pause><Say>a</Say></Pause>", "has <Say> in <Pause>"),
        ("<Say><Play>https://x.example/a.mp3</Play></Say>", "has <Play> in <Say>"),
        ('<Gather action="https://x.example/"/>', "always connects the caller"),
        ('<Say loop="0">a</Say>', "not valid"),  # it would never end
        ('<Pause length="x"/>', "not valid"),
        ('<Say volume="3">a</Say>', "not served"),
        ("<Play>a.mp3</Play>", "without a URL"),
        ("<Play>file:///etc/passwd</Play>", "without a URL"),
        ("<Play>https:///a.mp3</Play>", "without a URL"),
        ("<Play>https://x.example/\u00e4.mp3</Play>", "without a URL"),
        ("Hi<Response><Say>a</Say></Response>", "text outside"),
        ("<Response><Say>a</Say></Response>Hi", "text outside"),
        ('<Say><p a:b="c" xmlns:a="d">a</p></Say>', "not served"),
        ('<Say><p onclick="a">a</p></Say>', "has <p onclick>"),
        ("<Say>" + "<p>" * 400 + "</p>" * 400 + "</Say>", "in each other"),
        ("<Say>\ud800</Say>", "not well-formed"),
        ("<Say>a</Say>" * 2000, "16384 are taken"),
        ("<Hangup/>", "no caller could come"),
        ("<Say>a</Say><Hangup/><Gather/>", "no caller could come"),
        ('<Pause length="601"/>', "takes 601 s at least"),
        ('<Say loop="999">' + "a " * 100 + "</Say>", "s at least"),
        ('<Play loop="601">https://x.example/a.mp3</Play>', "s at least"),
    ],
)
def test_what_no_leg_could_run(markup: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse(markup)


@pytest.mark.parametrize(
    "markup",
    [
        '<Gather/><Pause length="601"/>',  # an answer may come at once
        '<Pause length="600"/>',
        '<Say><lang xml:lang="es-MX">Hola</lang></Say>',
        "<Play>https://user:word@x.example:8443/a.mp3?b=1#c</Play>",
        "<Say><![CDATA[a < b]]></Say>",
    ],
)
def test_what_a_leg_can_run_reaches_both_carriers(markup: str) -> None:
    assert len(said(markup)) > 1
    assert len(actions(markup)) > 1


def test_a_whole_document_and_a_comment_are_taken() -> None:
    assert parse("<Response><!-- a --><Say>Hi.</Say></Response>") == parse("<Say>Hi.</Say>")


def test_what_it_takes_at_most() -> None:
    assert seconds(parse('<Pause length="20"/><Pause/>')) == 21
    assert seconds(parse('<Say loop="2">Ten signs.</Say>')) == 4
    assert seconds(parse('<Gather timeout="5" numDigits="2"><Pause/></Gather>')) == 16
    assert hangs_up(parse(SCREENED))
    assert not hangs_up(parse(ALL))


def test_twilio_gets_the_verbs_as_they_are() -> None:
    first, play, pause, ssml, redirect = said(ALL)
    assert (first.text, first.attrib) == (
        "A <b> & c.",
        {"voice": "alice", "language": "en-US", "loop": "2"},
    )
    assert (play.text, play.get("loop")) == ("https://x.example/a.mp3?b=1&c=2", "3")
    assert pause.get("length") == "2"
    assert [each.tag for each in ssml] == ["break"]
    assert (redirect.tag, redirect.text) == ("Redirect", URL)


def test_twilio_asks_us_after_a_key_and_hangs_up_without_one() -> None:
    gather, hang_up, _ = said(SCREENED)
    assert gather.attrib == {"numDigits": "1", "timeout": "7", "action": URL, "method": "POST"}
    assert [each.tag for each in gather] == ["Say"]
    assert hang_up.tag == "Hangup"


def test_twilio_fetches_what_is_too_long_for_its_api() -> None:
    assert len(twiml.document([Brief(f"<Say>{'x' * 4080}</Say>", URL), Fetch(URL)])) > 4000
    with pytest.raises(ValueError, match="65536"):
        twiml.document([Brief("<Gather/>" * 1_800, URL)])  # our URL is in each


def test_vonage_gets_actions() -> None:
    talk, play, pause, ssml, ask = actions(ALL)
    assert talk == {"action": "talk", "text": "A <b> & c.", "language": "en-US", "loop": 2}
    assert play == {
        "action": "stream",
        "streamUrl": ["https://x.example/a.mp3?b=1&c=2"],
        "loop": 3,
    }
    assert pause == {"action": "wait", "timeout": 2}
    assert ssml["text"] == '<speak>One <break time="1s" /> moment.</speak>'
    assert (ask["action"], ask["eventUrl"]) == ("notify", [URL])


def test_vonage_asks_us_after_a_key_and_nothing_follows_a_hang_up() -> None:
    talk, asked = actions(SCREENED)
    assert (talk["language"], talk["bargeIn"]) == ("en-GB", True)
    assert asked == {
        "action": "input",
        "type": ["dtmf"],
        "dtmf": {"timeOut": 7, "maxDigits": 1, "submitOnHash": True},
        "eventUrl": [URL],
        "eventMethod": "POST",
    }


def test_vonage_listens_too() -> None:
    (asked, _) = actions('<Gather input="dtmf speech" timeout="90" language="de-DE"/>')
    assert asked["type"] == ["dtmf", "speech"]
    assert asked["dtmf"]["timeOut"] == 10
    assert asked["speech"] == {"startTimeout": 60, "endOnSilence": 1, "language": "de-DE"}


@pytest.mark.parametrize(
    ("markup", "why"),
    [
        ('<Play digits="12"/>', "plays no digits"),
        ('<Gather finishOnKey="*"/>', "by # only"),
        ('<Gather numDigits="30"/>', "20 keys"),
        (f"<Say>{'x' * 1501}<break/></Say>", "1500 characters"),
    ],
)
def test_what_vonage_cannot_do(markup: str, why: str) -> None:
    assert said(markup)
    with pytest.raises(ValueError, match=why):
        actions(markup)


@pytest.mark.parametrize("tag", SSML)
def test_vonage_and_twilio_get_every_ssml_tag(tag: str) -> None:
    given = ElementTree.Element(tag, dict.fromkeys(SSML[tag], "1"))
    markup = f"<Say>a{ElementTree.tostring(given, encoding='unicode')}</Say>"
    (inner,) = said(markup)[0]
    assert (inner.tag, inner.attrib) == (tag, given.attrib)
    assert f"<{tag} " in actions(markup)[0]["text"]


@pytest.mark.parametrize("verb", ATTRIBUTES)
def test_twilios_sdk_has_every_attribute(verb: str) -> None:
    known = inspect.signature(getattr(VoiceResponse, verb.lower())).parameters
    ours = {re.sub("([A-Z])", r"_\1", name).lower() for name in ATTRIBUTES[verb]}
    assert ours <= set(known)


SDKS: dict[str, Any] = {
    "talk": published.Talk,
    "stream": published.Stream,
    "wait": published.Wait,
    "input": published.Input,
    "notify": published.Notify,
}


@pytest.mark.parametrize("markup", [ALL, SCREENED, '<Gather input="dtmf speech"/>'])
def test_vonages_sdk_takes_every_action(markup: str) -> None:
    for action in actions(markup):
        made = SDKS[action["action"]].model_validate(action)
        assert made.model_dump(by_alias=True, exclude_unset=True) == action
