"""Parses and checks ``model.menu`` of an assistant; has the default menu."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from app.vendors.common.errors import UnbuildableAssistant
from app.vendors.embedded.menu import KEYS, OF_OPERATORS, Entry, Menu, Then, spoken
from providers.common.json_types import JsonObject

MAX_ENTRIES, MAX_DEPTH, MAX_SAY, MAX_WORDS, MAX_PHRASE = 16, 4, 2000, 20, 60
FIELDS = frozenset({"say", "then", "label", "words", "destination", "menu"})
# The menu of an assistant without a model.
DEFAULT: JsonObject = {
    "1": {
        "label": "an explanation",
        "words": ["explanation", "explain"],
        "say": "This is the embedded assistant of your own phone bridge. It needs no account: it"
        " speaks, and follows this menu.",
    },
    "2": {
        "label": "a test of the line",
        "words": ["test", "line"],
        "say": "One, two, three, four, five. If you heard five numbers, the line is good.",
    },
    "3": {
        "label": "how to connect an AI",
        "words": ["connect"],
        "say": "Give your assistant a model, a voice and a transcriber, each with a provider, and"
        " the bridge that provider's key.",
        "then": "menu",
    },
}


def read(given: object, *, of_operator: bool = False) -> Menu:
    """Parse ``model.menu``; its default is ``DEFAULT``. Raises ``UnbuildableAssistant``.

    ``of_operator``: of an assistant that talks with an operator, who is not transferred.
    """
    made = _menu(DEFAULT if given is None else given, "model.menu", MAX_DEPTH)
    others = {Then.TRANSFER} if of_operator else OF_OPERATORS
    if found := others & set(_thens(made)):
        whose = "a" if of_operator else "no"
        raise _bad("model.menu", f'has "{min(found)}", and is {whose} transfer assistant\'s')
    return made


def _thens(menu: Menu) -> Iterator[Then]:
    for entry in menu.entries.values():
        yield entry.then
        if entry.menu is not None:
            yield from _thens(entry.menu)


def _menu(given: object, path: str, depth: int) -> Menu:
    entries = _object(given, path)
    if not 0 < len(entries) <= MAX_ENTRIES or not depth:
        raise _bad(path, f"has 1 to {MAX_ENTRIES} keys, at most {MAX_DEPTH} menus deep")
    for key in entries:
        if key not in KEYS or len(key) != 1:
            raise _bad(path, f"has a key {key[:10]!r}; a phone has {', '.join(KEYS)}")
    ordered = sorted(entries, key=KEYS.index)
    return Menu({key: _entry(entries[key], f"{path}.{key}", depth) for key in ordered})


def _entry(given: object, path: str, depth: int) -> Entry:
    fields = _object(given, path)
    if unknown := fields.keys() - FIELDS:
        raise _bad(path, f"has no {min(unknown)[:40]!r}; it may have {', '.join(sorted(FIELDS))}")
    then, destination = fields.get("then", Then.STAY), fields.get("destination")
    if then not in list(Then):
        raise _bad(f"{path}.then", f"is one of {', '.join(Then)}")
    if (then == Then.TRANSFER) != (destination is not None):
        raise _bad(path, 'needs "then": "transfer" and a destination together')
    below = fields.get("menu")
    if below is not None and then != Then.STAY:
        raise _bad(path, 'has a menu of its own, and so no "then"')
    return Entry(
        _text(fields.get("say", ""), f"{path}.say"),
        Then(then),
        _text(fields.get("label", ""), f"{path}.label"),
        _words(fields.get("words", []), f"{path}.words"),
        None if destination is None else _object(destination, f"{path}.destination"),
        None if below is None else _menu(below, f"{path}.menu", depth - 1),
    )


def _object(given: object, path: str) -> JsonObject:
    if not isinstance(given, Mapping):
        raise _bad(path, "is an object")
    return given


def _text(given: object, path: str) -> str:
    if not isinstance(given, str) or len(given) > MAX_SAY:
        raise _bad(path, f"is a text of at most {MAX_SAY} characters")
    return given.strip()


def _words(given: object, path: str) -> tuple[str, ...]:
    if not isinstance(given, Sequence) or isinstance(given, str) or len(given) > MAX_WORDS:
        raise _bad(path, f"is a list of at most {MAX_WORDS} words or phrases")
    phrases = [" ".join(spoken(each)) if isinstance(each, str) else "" for each in given]
    if not all(0 < len(phrase) <= MAX_PHRASE for phrase in phrases):
        raise _bad(path, f"holds words or phrases of at most {MAX_PHRASE} characters")
    return tuple(phrases)


def _bad(path: str, text: str) -> UnbuildableAssistant:
    return UnbuildableAssistant("model", "embedded", f"The embedded menu: {path} {text}.")
