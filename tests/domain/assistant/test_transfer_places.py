"""Destinations wherever they are: judged by one rule, and what of them changes nothing."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.field_check import check_fields
from app.domain.assistant.rendering import place_filled, rendered
from app.domain.assistant.served_fields import Fate
from app.domain.assistant.transfer_places import (
    Place,
    carrier_problems,
    places,
    problems,
    verb_problem,
    without_effect,
)
from app.domain.assistant.transfer_plan import Mode, read, sip_headers
from providers.base.instructions import Brief, Forward, Instruction, Park, Play, Refer
from providers.registry import PROVIDERS
from providers.twilio.twiml import MAX_FETCHED
from tests.properties import examples

WRONG = "transferPlan.mode must be one of"


def there(kind: str = "number", **plan: Any) -> dict[str, Any]:
    return {"type": kind, "number": "+14155550188", "transferPlan": {"mode": "hot", **plan}}


def tool(*destinations: Any) -> dict[str, Any]:
    return {"model": {"tools": [{"type": "transferCall", "destinations": [*destinations]}]}}


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (tool(there()), "model.tools.0.destinations.0."),
        ({"tools:append": [{"destinations": [there()]}]}, "tools:append.0.destinations.0."),
        ({"destinations": [there()]}, "destinations.0."),  # a tool of its own
        ({"hooks": [{"do": [{"type": "transfer", "destination": there()}]}]}, "hooks.0.do.0."),
        ({"model": {"menu": {"1": {"destination": there()}}}}, "model.menu.1.destination."),
        ({"fallbackDestination": there()}, "fallbackDestination."),
    ],
)
def test_every_place_has_the_same_rule(body: dict[str, Any], path: str) -> None:
    (found,) = problems(body)
    assert found.startswith(path)
    assert WRONG in found


def test_what_only_looks_like_a_destination_is_left_alone() -> None:
    schema = {"properties": {"type": {"type": "string"}, "sipHeaders": {"type": "object"}}}
    assert not [*places({"model": {"tools": [{"function": {"parameters": schema}}]}})]
    assert not [*places({"metadata": there(), "variableValues": there()})]


@pytest.mark.parametrize(
    ("twiml", "why"),
    [
        ("<Say>Hi.</Say>", None),
        ("", None),  # the operator hears the message
        ("<Dial/>", "has <Dial>"),
        ("<Say>Hi, {{name}}.</Say>", None),
        ('<Play loop="{{n | default: "2"}}">{{url}}</Play>', None),
        ("<Dial>{{number}}</Dial>", "has <Dial>"),
        ("{% if vip %}<Say>Hi.</Say>{% else %}<Pause/>{% endif %}", None),
        ("<Say>" + "x" * 4096 + "</Say>", "at most 4096 characters"),
        (["<Say/>"], "at most 4096 characters"),
    ],
)
def test_twiml_is_judged_as_far_as_it_is_known(twiml: Any, why: str | None) -> None:
    found = [*problems(tool(there(mode="warm-transfer-twiml", twiml=twiml)))]
    assert [why in each for each in found if why] == ([True] if why else [])


@pytest.mark.parametrize(
    ("twiml", "carriers"),
    [
        ('<Play digits="1"/>', ["vonage"]),
        ('<Play digits="{{digits}}"/>', []),
        ("<Say>Hi.</Say>", []),
    ],
)
def test_a_carrier_that_cannot_run_it_is_named(twiml: str, carriers: list[str]) -> None:
    body = tool(there(mode="warm-transfer-twiml", twiml=twiml))
    for name in ("twilio", "vonage"):
        found = [*carrier_problems(places(body), PROVIDERS[name])]
        assert len(found) == (name in carriers)


@pytest.mark.parametrize(
    ("destination", "anywhere", "at_vonage"),
    [
        (there("sip", mode="blind-transfer"), None, None),
        (there("sip", mode="blind-transfer", sipVerb="dial"), None, None),
        (there("sip", mode="blind-transfer", sipVerb="refer"), None, "sends no REFER"),
        (there("sip", mode="blind-transfer", sipVerb="bye"), None, None),
        (there(mode="blind-transfer", sipVerb="refer"), "a number is dialled", "a number"),
        (there(mode="blind-transfer", sipVerb="bye"), None, None),
        (there("sip", mode="warm-transfer-twiml", sipVerb="refer"), "an operator", "an operator"),
    ],
)
def test_a_verb_without_effect_has_its_reason(
    destination: dict[str, Any], anywhere: str | None, at_vonage: str | None
) -> None:
    for carrier, why in (None, anywhere), (PROVIDERS["vonage"], at_vonage):
        found = verb_problem(destination, carrier)
        assert (why in str(found)) if why else found is None
        told = [*without_effect(places(tool(destination)), carrier)]
        assert [path.rpartition(".")[2] for path, _ in told] == (["sipVerb"] if why else [])


HOOK = "https://patchbay.example/hook"
URLS = st.sampled_from(
    [
        "https://x.example/a.mp3",
        "https://x.example:8443?b",
        "https:///a",
        "https://[a/",
        "x.mp3",
        "https://x.example/\x01",
        "https://x.example/ä",
        "https://x.example/�",
    ]
)
VERBS = st.sampled_from(
    [
        "<Say>Hi.</Say>",
        '<Say>Hi <break time="1s"/></Say>',
        "<Pause/>",
        "<Hangup/>",
        "Hi.",
        "<Gather/>",
        '<Gather timeout="60" numDigits="30"/>',
        "<Play>https:///x</Play>",
        "<Play>https://x.example/a.mp3</Play>",
        '<Play digits="1"/>',
        '<Pause length="599"/>',
        '<Say><p a:b="1" xmlns:a="c">Hi.</p></Say>',
        f'<Say loop="99">{"a " * 900}</Say>',
        "<Say>" + "<p>" * 500 + "</p>" * 500 + "</Say>",
        "<Say>�</Say>",
    ]
)
PLANS = st.fixed_dictionaries(
    {"mode": st.sampled_from([*Mode])},
    optional={
        "holdAudioUrl": URLS,
        "transferCompleteAudioUrl": URLS,
        "twiml": st.lists(VERBS, max_size=3).map("".join),
    },
)
HEADERS = st.dictionaries(
    st.sampled_from(["Desk", "X-Name", "A" * 60]),
    st.sampled_from(["a", 1, "a" * 600, "a\r\nb", "\u00e4" * 100, "\ud800"]),
)
DESTINATIONS = st.fixed_dictionaries(
    {"type": st.just("sip"), "sipUri": st.just("sip:desk@pbx.example"), "transferPlan": PLANS},
    optional={"sipHeaders": HEADERS},
)


@pytest.mark.parametrize("name", ["twilio", "vonage"])
@examples(150)
@given(destination=DESTINATIONS, summary=st.sampled_from(["", "word " * 400, "\u00e4" * 900]))
def test_what_is_stored_can_be_carried_out(name: str, destination: Any, summary: str) -> None:
    """A document that cannot be written would end the leg of a caller."""
    carrier = PROVIDERS[name]
    if [*problems(tool(destination))] or [*carrier_problems([Place("", destination)], carrier)]:
        return
    plan, headers = read(destination), sip_headers(destination, summary)
    documents: list[Instruction] = [
        Park("room", HOOK, HOOK, plan.hold_url),
        Forward(destination["sipUri"], HOOK, sip_headers=headers),
        *([Refer(destination["sipUri"], HOOK, headers)] if carrier.refers else []),
        *([Play(plan.joined_url)] if plan.joined_url else []),
        *([Brief(plan.twiml, HOOK)] if plan.twiml else []),
    ]
    for each in documents:
        body = carrier.markup.answer([each]).body
        assert len(body) < MAX_FETCHED
        if name == "twilio":
            ElementTree.fromstring(body)


def test_the_check_of_an_assistant_tells_it() -> None:
    body = tool(there(mode="blind-transfer", sipVerb="refer", twiml="<Say>Hi.</Say>"))
    idle = {each.path for each in check_fields(body) if each.fate is Fate.IGNORED}
    plan = "model.tools.0.destinations.0.transferPlan"
    assert idle == {f"{plan}.sipVerb", f"{plan}.twiml"}


def test_values_in_twiml_are_texts_and_elsewhere_as_they_are() -> None:
    plan = {"mode": "warm-transfer-twiml", "message": "{{n}}", "twiml": "<Say>{{n}}</Say>"}
    values = {"n": "A & <B>"}
    (place,) = places(rendered(AssistantConfig(tool(there(**plan))), values).json)
    found = place_filled(place.destination, values)["transferPlan"]
    assert found["twiml"] == "<Say>A &amp; &lt;B&gt;</Say>"
    assert found["message"] == "A & <B>"
