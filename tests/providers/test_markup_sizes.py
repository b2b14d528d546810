"""Instructions with texts of any size and content: the markup has these verbs, and fits."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from providers.base.instructions import Connect, Forward, HangUp, Instruction, Return, Say
from providers.twilio import twiml
from providers.vonage import ncco, talk
from tests.properties import examples

BASE = "https://bridge.example.com"
CONNECT = Connect(
    "2ffb1f23-87e3-46cc-bc1e-a1f6054cce14",
    "wss://bridge.example.com/media/x/token",
    f"{BASE}/stream",
    f"{BASE}/after",
)
FORWARD = Forward("+14155550188", f"{BASE}/dial", caller_id="+14155550100")
HOSTILE = st.text(st.sampled_from("&<>\"' \n\t\0x\u2028\ufffe\N{GRINNING FACE}"), max_size=40)
"""Repeated, it is a text of up to 3,000 characters that grows by escaping."""
TEXTS = st.builds(lambda text, times: text * times, HOSTILE, st.integers(1, 75))
LAST = st.one_of(
    st.just(CONNECT),
    st.just(FORWARD),
    st.just(HangUp()),
    st.builds(lambda value: Return(f"{BASE}/back?a=1&b=2", {"outcome": value}), HOSTILE),
)
VERBS = {Say: "Say", Connect: "Connect", Forward: "Dial", Return: "Redirect", HangUp: "Hangup"}
ACTIONS = {Say: "talk", Connect: "connect", Forward: "connect", Return: "notify"}
BEHIND = {Connect: ["Redirect"]}
"""Verbs of the same instruction."""


def instructions() -> st.SearchStrategy[list[Instruction]]:
    return st.builds(
        lambda texts, last: [*map(Say, texts), last], st.lists(TEXTS, max_size=3), LAST
    )


FEW = examples(25)  # large texts take long to make


@FEW
@given(instructions())
def test_twiml(wanted: Sequence[Instruction]) -> None:
    text = twiml.document(wanted)
    assert len(text) < twiml.MAX_LENGTH
    verbs = [element.tag for element in ElementTree.fromstring(text)]
    assert verbs == [v for each in wanted for v in (VERBS[type(each)], *BEHIND.get(type(each), ()))]


@FEW
@given(instructions())
def test_ncco(wanted: Sequence[Instruction]) -> None:
    """A long text is several actions, and one without a word is none."""
    found = json.loads(ncco.answer(wanted).body)
    for action in found:
        assert len(action.get("text", "")) <= talk.MAX_TALK
    names = [name for name, _ in groupby(action["action"] for action in found)]
    said = any(isinstance(each, Say) and talk.cleaned(each.text).split() for each in wanted)
    last = [
        ACTIONS[type(each)]
        for each in wanted
        if type(each) in ACTIONS and not isinstance(each, Say)
    ]
    assert names == [*(["talk"] if said else []), *last]


@FEW
@given(TEXTS)
def test_a_text_that_fits_is_said_whole_and_another_as_far_as_it_goes(text: str) -> None:
    spoken = ElementTree.fromstring(twiml.document([Say(text)])).findtext("Say") or ""
    whole = twiml._clean(text)
    assert whole.replace("\r", "\n").startswith(spoken)
    if len(twiml._text(whole)) < twiml.MAX_LENGTH - 100:
        assert spoken == whole
