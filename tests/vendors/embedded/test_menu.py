"""The keypad menu: how it is written, and what it answers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.vendors.common.errors import UnbuildableAssistant
from app.vendors.embedded import menu, menu_json
from app.vendors.embedded.menu import GOODBYE, NO_AI, Reply, State, Then

DESK = {"type": "number", "number": "+14155550100"}
GIVEN: dict[str, Any] = {
    "1": {"label": "opening hours", "words": ["hours", "Open"], "say": "Nine to five."},
    "2": {"label": "a person", "words": ["person", "operator"], "say": "One moment.",
          "then": "transfer", "destination": DESK},
    "3": {"label": "orders", "words": ["my order"], "say": "Orders.", "menu": {
        "1": {"label": "a new order", "words": ["new"], "say": "Please write to us.", "then": "menu"},
        "2": {"say": "On its way.", "then": "end", "words": ["order"]},
    }},
    "0": {"say": "Nobody is told of this one."},
}  # fmt: skip
MENU = menu_json.read(GIVEN)
FIRST = (
    "For opening hours, press 1. For a person, press 2. For orders, press 3."
    " To end the call, press the hash key."
)
ORDERS = (
    "For a new order, press 1. For the first choices, press the star key."
    " To end the call, press the hash key."
)


@pytest.mark.parametrize(
    ("state", "said", "reply"),
    [
        # a key
        ((), "DTMF: 1", Reply("Nine to five.")),
        # one whose label is not told
        ((), "DTMF: 0", Reply("Nobody is told of this one.")),
        # nothing behind it
        ((), "DTMF: 7", Reply(f"Nothing is on 7. {FIRST}")),
        # not a number's
        ((), "DTMF: A", Reply(f"Nothing is on A. {FIRST}")),
        # ends, though the menu does not name it
        ((), "DTMF: #", Reply(GOODBYE, Then.END)),
        # tells the choices
        ((), "DTMF: *", Reply(FIRST)),
        # away
        ((), "DTMF: 2", Reply("One moment.", Then.TRANSFER, (), DESK)),
        # into a menu below
        ((), "DTMF: 3", Reply(f"Orders. {ORDERS}", Then.STAY, ("3",))),
        # there, the same key means another thing; and back
        (("3",), "DTMF: 1", Reply(f"Please write to us. {FIRST}", Then.MENU)),
        (("3",), "DTMF: 2", Reply("On its way.", Then.END, ("3",))),
        (("3",), "DTMF: *", Reply(FIRST)),
        # only wrong keys leave the caller where they are
        (("3",), "DTMF: 9", Reply(f"Nothing is on 9. {ORDERS}", Then.STAY, ("3",))),
        # typed ahead: only the last answer is told
        ((), "DTMF: 31", Reply(f"Please write to us. {FIRST}", Then.MENU)),
        # in two turns that became one
        ((), "DTMF: 3 DTMF: 2", Reply("On its way.", Then.END, ("3",))),
        # nothing after the end
        ((), "DTMF: #1", Reply(GOODBYE, Then.END)),
        # keys before words
        ((), "operator DTMF: 1", Reply("Nine to five.")),
        # words, whatever their case and company
        ((), "When are you open?", Reply("Nine to five.")),
        # a phrase is heard whole
        ((), "where is my order", Reply(f"Orders. {ORDERS}", Then.STAY, ("3",))),
        ((), "where is my new border", Reply(f"{NO_AI} {FIRST}")),
        # the longer phrase wins over the earlier key
        ((), "my order, or a person", Reply(f"Orders. {ORDERS}", Then.STAY, ("3",))),
        # of equal ones the first key
        ((), "operator, is it open", Reply("One moment.", Then.TRANSFER, (), DESK)),
        # words of another menu
        ((), "new", Reply(f"{NO_AI} {FIRST}")),
        # no words
        ((), "", Reply(f"{NO_AI} {FIRST}")),
    ],
)  # fmt: skip
def test_answers(state: State, said: str, reply: Reply) -> None:
    assert menu.answer(MENU, state, said) == reply


@pytest.mark.parametrize(
    ("state", "said", "reply"),
    [
        # chooses what is said
        ((), "hours", Reply("Nine to five.")),
        ((), "my order", Reply(f"Orders. {ORDERS}", Then.STAY, ("3",))),
        (("3",), "new", Reply(f"Please write to us. {FIRST}", Then.MENU)),
        # and neither transfers nor ends
        ((), "operator", Reply("For a person, press 2.")),
        (("3",), "order", Reply("For that, press 2.", state=("3",))),
        # a key is sure
        ((), "DTMF: 2", Reply("One moment.", Then.TRANSFER, (), DESK)),
    ],
)  # fmt: skip
def test_answers_to_a_guess(state: State, said: str, reply: Reply) -> None:
    assert menu.answer(MENU, state, said, guessed=True) == reply


def test_the_menus_own_end_and_star_keys_win() -> None:
    mine = menu_json.read({"#": {"say": "No end."}, "*": {"say": "A star."}})
    assert menu.press(mine, (), "#") == Reply("No end.")
    assert menu.press(mine, (), "*") == Reply("A star.")
    assert menu.choices(mine) == ""


def test_an_end_without_words_is_a_goodbye() -> None:
    assert menu.press(menu_json.read({"1": {"then": "end"}}), (), "1").say == GOODBYE


@given(
    st.lists(
        st.text() | st.from_regex(r"(DTMF: [0-9*#]{1,4} ?){1,3}|order|my order", fullmatch=True)
    )
)
def test_never_says_what_it_heard(turns: list[str]) -> None:
    sentences = {FIRST, ORDERS, NO_AI, GOODBYE, "Orders.", "On its way.", "Please write to us."}
    sentences |= {"Nine to five.", "One moment.", "Nobody is told of this one."}
    sentences |= {f"Nothing is on {menu.SPOKEN_KEYS.get(key, key)}." for key in menu.KEYS}
    state: State = ()
    for said in turns:
        reply = menu.answer(MENU, state, said)
        left = reply.say
        for sentence in sorted(sentences, key=len, reverse=True):
            left = left.replace(sentence, "")
        assert not left.strip()
        state = reply.state
        assert state in {(), ("3",)}


def test_vocabulary_is_all_words_once() -> None:
    words = ("hours", "open", "person", "operator", "my order", "new", "order")
    assert menu.vocabulary(MENU) == words


def test_the_default_menu_says_that_no_ai_is_connected_and_whose_choices() -> None:
    default = menu_json.read(None)
    assert menu.greeting(default).startswith("This is Patchbay. No AI is connected. For an ")
    assert set(default.entries) == {"1", "2", "3"}
    assert all(entry.say and entry.label and entry.words for entry in default.entries.values())


def below(depth: int) -> dict[str, Any]:
    return {"1": {"menu": below(depth - 1)} if depth else {"say": "The bottom."}}


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ([], "model.menu is an object"),
        ({}, "1 to 16 keys"),  # nothing to press
        ({"12": {}}, "key '12'"),  # two keys
        ({"": {}}, "key ''"),
        ({"x": {}}, "key 'x'"),
        ({"1": "Hello"}, "model.menu.1 is an object"),
        ({"1": {"text": "Hello"}}, "no 'text'"),  # misspelt
        ({"1": {"say": 5}}, "model.menu.1.say is a text"),
        ({"1": {"say": "x" * 2001}}, "at most 2000"),
        ({"1": {"label": None}}, "model.menu.1.label"),
        ({"1": {"then": "sing"}}, "one of stay, menu, end, transfer"),
        ({"1": {"then": ["end"]}}, "one of stay"),
        ({"1": {"then": "transfer"}}, "destination"),  # where?
        ({"1": {"destination": DESK}}, "transfer"),  # when?
        ({"1": {"then": "transfer", "destination": "+1415"}}, "destination is an object"),
        ({"1": {"menu": {"1": {}}, "then": "end"}}, "menu of its own"),  # and then?
        ({"1": {"menu": {"z": {}}}}, "model.menu.1.menu has a key"),  # says where
        ({"1": {"words": "open"}}, "list"),  # its letters are no words
        ({"1": {"words": ["?!"]}}, "words"),  # nothing one can say
        ({"1": {"words": [1]}}, "words"),
        ({"1": {"words": ["a"] * 21}}, "at most 20"),
        (below(4), "4 menus deep"),
    ],
)  # fmt: skip
def test_a_menu_that_is_wrong_says_what_to_change(given: object, text: str) -> None:
    with pytest.raises(UnbuildableAssistant, match=text) as raised:
        menu_json.read(given)
    assert (raised.value.stage, raised.value.provider) == ("model", "embedded")


def test_the_deepest_menu() -> None:
    assert menu.answer(menu_json.read(below(3)), (), "DTMF: 1111").say == "The bottom."


AGREED = {"1": {"menu": {"2": {"then": "transferSuccessful"}}}}


@pytest.mark.parametrize(
    ("given", "of_operator", "text"),
    [
        (AGREED, False, r'has "transferSuccessful", and is no transfer assistant\'s'),
        (GIVEN, True, r'has "transfer", and is a transfer assistant\'s'),
    ],
)
def test_what_only_one_side_of_a_transfer_may_do(
    given: dict[str, Any], of_operator: bool, text: str
) -> None:
    with pytest.raises(UnbuildableAssistant, match=text):
        menu_json.read(given, of_operator=of_operator)


def test_a_key_of_an_operator_decides() -> None:
    made = menu_json.read(AGREED, of_operator=True)
    reply = menu.answer(made, ("1",), "DTMF: 2")
    assert (reply.then, reply.then in menu.FINAL) == (Then.SUCCESSFUL, True)
