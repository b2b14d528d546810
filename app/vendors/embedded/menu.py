"""A keypad menu: the answer to a key or a word, and what follows. Pure.

The menu is ``model.menu`` of an assistant whose ``model.provider`` is ``embedded``. Its entries are
by key, each ``{"say", "then", "label", "words", "destination", "menu"}``; see docs/assistants.md.
The caller's words are only compared with the menu's, and never repeated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from providers.common.json_types import JsonObject

# In the order in which the choices are spoken.
KEYS = "1234567890*#ABCD"
# What they do without an entry: end the call; go back to the first choices.
END_KEY, AGAIN_KEY = "#", "*"
SPOKEN_KEYS: Mapping[str, str] = {"#": "the hash key", "*": "the star key"}
# The greeting of an assistant without a model and a ``firstMessage``, before the choices.
GREETING = "This is Patchbay. No AI is connected."
NO_AI = "No AI is connected: this call follows a keypad menu."
GOODBYE = "Goodbye."

_DTMF = re.compile(r"DTMF: ([0-9*#A-D]+)")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


class Then(StrEnum):
    """What follows an answer."""

    STAY = "stay"
    """Nothing: the caller may press another key."""
    MENU = "menu"
    """The first choices are spoken again."""
    END = "end"
    TRANSFER = "transfer"
    SUCCESSFUL = "transferSuccessful"
    """Of a transfer assistant: the caller is connected."""
    CANCEL = "transferCancel"
    """Of a transfer assistant: the caller goes back."""


OF_OPERATORS = frozenset({Then.SUCCESSFUL, Then.CANCEL})
# After these the caller is not in the menu any more.
FINAL = OF_OPERATORS | {Then.END, Then.TRANSFER}


@dataclass(frozen=True, slots=True)
class Entry:
    """The entry of one key."""

    say: str = ""
    then: Then = Then.STAY
    label: str = ""
    words: tuple[str, ...] = ()
    destination: JsonObject | None = None
    menu: Menu | None = None
    """Choices below this one, spoken after ``say``."""


@dataclass(frozen=True, slots=True)
class Menu:
    """Entries by key, in the order of ``KEYS``."""

    entries: Mapping[str, Entry]


# The keys that lead to the caller's menu; () is the first.
State = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """What is said, what follows, and the caller's menu afterwards."""

    say: str
    then: Then = Then.STAY
    state: State = ()
    destination: JsonObject | None = field(default=None)
    """With ``Then.TRANSFER``: Vapi's destination object."""


def answer(menu: Menu, state: State, said: str, *, guessed: bool = False) -> Reply:
    """Answer a caller's turn: keys (``DTMF: 12``, as pipecat writes them) before words.

    ``guessed``: the words come from a recogniser that is often wrong. They may choose what is said,
    but an end or a transfer takes a key.
    """
    keys = "".join(_DTMF.findall(said))
    if not keys:
        return hear(menu, state, said, guessed=guessed)
    for key in keys:
        reply = press(menu, state, key)
        if reply.then in FINAL:
            break
        state = reply.state  # of keys typed ahead only the last answer is spoken
    return reply


def press(menu: Menu, state: State, key: str) -> Reply:
    """Answer one key. A key without an entry gets the choices."""
    here = _at(menu, state)
    if key in here.entries:
        return _take(menu, state, key)
    if key == END_KEY:
        return Reply(GOODBYE, Then.END, state)
    if key == AGAIN_KEY:
        return Reply(choices(menu))
    return Reply(_join(f"Nothing is on {_name(key)}.", choices(here, state)), state=state)


def hear(menu: Menu, state: State, text: str, *, guessed: bool = False) -> Reply:
    """Answer words: the entry with the longest matching phrase, or the choices."""
    heard, here = f" {' '.join(spoken(text))} ", _at(menu, state)
    found = [
        (len(phrase), -KEYS.index(key), key)
        for key, entry in here.entries.items()
        for phrase in entry.words
        if f" {phrase} " in heard
    ]
    if found:
        key = max(found)[2]
        if guessed and here.entries[key].then in FINAL:
            return Reply(
                f"For {here.entries[key].label or 'that'}, press {_name(key)}.", state=state
            )
        return _take(menu, state, key)
    return Reply(_join(NO_AI, choices(here, state)), state=state)


def choices(menu: Menu, state: State = ()) -> str:
    """The spoken choices."""
    entries = menu.entries
    told = [f"For {each.label}, press {_name(key)}." for key, each in entries.items() if each.label]
    if state and AGAIN_KEY not in entries:
        told.append(f"For the first choices, press {_name(AGAIN_KEY)}.")
    if END_KEY not in entries:
        told.append(f"To end the call, press {_name(END_KEY)}.")
    return " ".join(told)


def greeting(menu: Menu) -> str:
    """The first message of an assistant without its own."""
    return _join(GREETING, choices(menu))


def vocabulary(menu: Menu) -> tuple[str, ...]:
    """Every word and phrase of the menu, once: the vocabulary of the embedded recogniser."""
    return tuple(dict.fromkeys(_phrases(menu)))


def _take(menu: Menu, state: State, key: str) -> Reply:
    entry = _at(menu, state).entries[key]
    if entry.menu is not None:
        below = (*state, key)
        return Reply(_join(entry.say, choices(entry.menu, below)), state=below)
    if entry.then == Then.MENU:
        return Reply(_join(entry.say, choices(menu)), Then.MENU)
    if entry.then == Then.END:
        return Reply(entry.say or GOODBYE, Then.END, state)
    return Reply(entry.say, entry.then, state, entry.destination)


def _at(menu: Menu, state: State) -> Menu:
    for key in state:
        menu = menu.entries[key].menu or menu
    return menu


def _phrases(menu: Menu) -> Iterator[str]:
    for entry in menu.entries.values():
        yield from entry.words
        if entry.menu is not None:
            yield from _phrases(entry.menu)


def spoken(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _name(key: str) -> str:
    return SPOKEN_KEYS.get(key, key)


def _join(*sentences: str) -> str:
    return " ".join(each for each in sentences if each)
