"""The TwiML that an operator's leg runs before the caller comes: Vapi's ``transferPlan.twiml``.

Every carrier's part takes these verbs, and writes them in its own markup.
https://docs.vapi.ai/call-forwarding (Warm Transfer with TwiML)
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from providers.common.web_url import is_web_url

MOST_CHARACTERS, MOST_RENDERED = 4096, 16_384
"""Of the text as it is given, Vapi's own number, and of the verbs with their values."""
MOST_SECONDS = 600.0
"""The caller waits no longer for the end of the verbs."""
SAY, PLAY, PAUSE, GATHER, HANGUP = VERBS = ("Say", "Play", "Pause", "Gather", "Hangup")
IN_GATHER = (SAY, PLAY, PAUSE)
# https://www.twilio.com/docs/voice/twiml/say/text-speech#supported-ssml-tags
SSML: Mapping[str, frozenset[str]] = {
    "break": frozenset({"strength", "time"}),
    "emphasis": frozenset({"level"}),
    "lang": frozenset({"{http://www.w3.org/XML/1998/namespace}lang"}),
    "p": frozenset(),
    "phoneme": frozenset({"alphabet", "ph"}),
    "prosody": frozenset({"pitch", "rate", "volume"}),
    "s": frozenset(),
    "say-as": frozenset({"format", "interpret-as", "role"}),
    "sub": frozenset({"alias"}),
    "w": frozenset({"role"}),
}
"""Tag -> its attributes. Another namespace would lose its declaration with the Say around it."""
MOST_NESTED = 20
"""SSML tags in each other: the library that writes them recurses."""

_WORDS, _LOOPS = re.compile(".{1,200}"), re.compile("[1-9][0-9]{0,2}")
_SECONDS = re.compile("[1-9][0-9]{0,2}")
_FLAG = re.compile("true|false")
ATTRIBUTES: Mapping[str, Mapping[str, re.Pattern[str]]] = {
    SAY: {"voice": _WORDS, "language": _WORDS, "loop": _LOOPS},
    PLAY: {"loop": _LOOPS, "digits": re.compile("[0-9*#wW]{1,100}")},
    PAUSE: {"length": _SECONDS},
    GATHER: {
        "input": re.compile("dtmf|speech|dtmf speech|speech dtmf"),
        "timeout": _SECONDS,
        "numDigits": re.compile("[1-9][0-9]?"),
        "finishOnKey": re.compile("[0-9*#]?"),
        "language": _WORDS,
        "hints": _WORDS,
        "speechTimeout": re.compile("auto|[1-9][0-9]?"),
        "speechModel": _WORDS,
        "profanityFilter": _FLAG,
        "enhanced": _FLAG,
    },
    HANGUP: {},
}
"""Verb -> its attributes. A loop without an end is none: the caller would wait for ever."""

CHARACTERS_A_SECOND, FILE_SECONDS, PAUSE_SECONDS, GATHER_SECONDS = 10.0, 60.0, 1.0, 5.0
"""What a verb takes at most, or by default. How long a file is, is not known."""
FASTEST, SHORTEST_FILE = 25.0, 1.0
"""Characters a second of the fastest voice, and seconds of a file: what a verb takes at least."""
PIECE = re.compile(r"\{\{[^{}]*\}\}")
TEMPLATE, ANY = "{{}}", "\0"
"""What stands for a template, and what no XML holds."""


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb. ``ssml``: a Say's content as markup, if it has tags."""

    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    ssml: str = ""
    inside: tuple[Verb, ...] = ()

    @property
    def loop(self) -> int:
        return int(self.number("loop", 1))

    def number(self, attribute: str, default: float) -> float:
        """The attribute. One that is not rendered yet is 0."""
        value = self.attributes.get(attribute)
        if value is None:
            return default
        return float(value) if value.isdecimal() else 0.0


def parse(markup: str) -> tuple[Verb, ...]:
    """The verbs. Raises ``ValueError`` for what no leg could run; its text names the verb."""
    return _parse(markup, ANY)


def check_template(markup: str) -> None:
    """Raise ``ValueError`` for a text that could not become such verbs once it is rendered.

    One with Liquid's tags may become anything.
    """
    if "{%" not in markup:
        _parse(PIECE.sub(TEMPLATE, markup), TEMPLATE)


def _parse(markup: str, passes: str) -> tuple[Verb, ...]:
    """``passes``: a value that holds it is not judged."""
    if len(markup) > MOST_RENDERED:
        raise ValueError(f"has {len(markup)} characters: {MOST_RENDERED} are taken")
    try:
        # No document type can be inside an element, so no entity can be defined.
        root = ET.fromstring(f"<Response>{markup}</Response>")  # noqa: S314
    except (ET.ParseError, UnicodeError) as error:
        raise ValueError(f"is not well-formed: {error}") from error
    if [each.tag for each in root] == ["Response"] and not root[0].attrib:
        _no_text(root, VERBS)
        root = root[0]
    verbs = tuple(_verbs(root, VERBS, passes))
    if not verbs:
        raise ValueError(f"has no verb: {', '.join(VERBS)}")
    _check_end(verbs)
    return verbs


def _check_end(verbs: Sequence[Verb]) -> None:
    """Refuse verbs after which no caller could come."""
    names = [verb.name for verb in verbs]
    if HANGUP in names and GATHER not in names[: names.index(HANGUP)]:
        raise ValueError("has <Hangup> without a <Gather> before it: no caller could come")
    before = takewhile(lambda verb: verb.name != GATHER, verbs)
    if (least := sum(map(_least_seconds, before))) > MOST_SECONDS:
        raise ValueError(
            f"takes {least:.0f} s at least: the caller waits for {MOST_SECONDS:.0f} s at most"
        )


def seconds(verbs: Sequence[Verb]) -> float:
    """How long a leg takes for them, at most."""
    return sum(_seconds_of(verb) for verb in verbs)


def hangs_up(verbs: Sequence[Verb]) -> bool:
    """Whether the leg ends with them, if the operator does not answer a Gather."""
    return any(verb.name == HANGUP for verb in verbs)


def _verbs(holder: ET.Element, known: Sequence[str], passes: str) -> Iterator[Verb]:
    _no_text(holder, known)
    for element in holder:
        if element.tag not in known:
            place = "" if known is VERBS else f" in <{holder.tag}>"
            raise ValueError(f"has <{element.tag}>{place}: only {', '.join(known)} may be there")
        yield _verb(element, passes)


def _no_text(holder: ET.Element, known: Sequence[str]) -> None:
    if any(text and text.strip() for text in (holder.text, *(each.tail for each in holder))):
        raise ValueError(f"has text outside of {', '.join(known)}")


def _verb(element: ET.Element, passes: str) -> Verb:
    name, known = element.tag, ATTRIBUTES[element.tag]
    for attribute, value in element.attrib.items():
        if attribute not in known:
            raise ValueError(f"has <{name} {attribute}>, {_unknown(name)}")
        if passes not in value and not known[attribute].fullmatch(value):
            raise ValueError(f"has <{name} {attribute}={value[:40]!r}>, which is not valid")
    if name == GATHER:
        return Verb(name, element.attrib, inside=tuple(_verbs(element, IN_GATHER, passes)))
    if name == SAY:
        return _say(element)
    if len(element):
        raise ValueError(f"has <{element[0].tag}> in <{name}>, which holds none")
    text = (element.text or "").strip()
    if name == PLAY and passes not in text and not _is_sound(text, element):
        raise ValueError("has <Play> without a URL of http or https")
    return Verb(name, element.attrib, text)


def _unknown(name: str) -> str:
    """Why a verb may not have an attribute: a Gather's answer brings the caller, and nothing else."""
    if name == GATHER:
        return "and the answer to a <Gather> always connects the caller"
    return "which is not served"


def _is_sound(text: str, element: ET.Element) -> bool:
    return is_web_url(text) or (not text and "digits" in element.attrib)


def _say(element: ET.Element) -> Verb:
    text = " ".join("".join(element.itertext()).split())
    _check_ssml(element)
    if not len(element):
        return Verb(SAY, element.attrib, text)
    inner = ET.tostring(element, encoding="unicode", short_empty_elements=True)
    inner = inner.partition(">")[2].rpartition("</Say>")[0]
    return Verb(SAY, element.attrib, text, inner)


def _check_ssml(say: ET.Element) -> None:
    level, depth = [*say], 0
    while level:
        depth += 1
        if depth > MOST_NESTED:
            raise ValueError(f"has more than {MOST_NESTED} SSML tags in each other")
        for each in level:
            if each.tag not in SSML:
                raise ValueError(f"has <{each.tag}> in <Say>, which holds text and SSML")
            if wrong := each.attrib.keys() - SSML[each.tag]:
                raise ValueError(f"has <{each.tag} {min(wrong)}>, which is not served")
        level = [inner for each in level for inner in each]


def _least_seconds(verb: Verb) -> float:
    """How long a verb takes at least."""
    match verb.name:
        case "Say":
            return verb.loop * len(verb.text) / FASTEST
        case "Play":
            return verb.loop * SHORTEST_FILE
        case "Pause":
            return verb.number("length", PAUSE_SECONDS)
        case _:  # a Hangup, which comes after a Gather: its answer may come at once
            return 0.0


def _seconds_of(verb: Verb) -> float:
    match verb.name:
        case "Say":
            return verb.loop * (1 + len(verb.text) / CHARACTERS_A_SECOND)
        case "Play":
            return verb.loop * FILE_SECONDS
        case "Pause":
            return verb.number("length", PAUSE_SECONDS)
        case "Gather":
            # It waits so long for the first key, and again after each.
            keys = verb.number("numDigits", 1)
            waits = verb.number("timeout", GATHER_SECONDS)
            return seconds(verb.inside) + waits * (1 + keys)
        case _:
            return 0.0
