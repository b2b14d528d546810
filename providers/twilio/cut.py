"""Tells whether a form's parameters are cut as Twilio cut them.

Twilio signs names and values run together, sorted by name. So the signature of
``CallSid=CA1&CallStatus=ringing`` holds for ``CallSid=CA1CallStatusringing`` too. Names are any
text: Twilio's voice SDK and SIP headers bring names of others. Hence the parameters that the
webhooks read have exact shapes. None of them may stand in another one where a cut would begin.
The order of the names shows more. Twilio would have signed ``CallDuration`` before
``CallSid``, so it is no part of ``SpeechResult``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from providers.base.instructions import is_stream_id
from providers.errors import InvalidSignature
from providers.twilio.config import ACCOUNT_SID, CALL_SID, RECORDING_SID, STREAM_SID
from providers.twilio.statuses import (
    DIRECTIONS,
    ENDS,
    FORWARD_ENDED,
    FORWARD_FAILED,
    MACHINE,
    PROGRESS,
    RECORDING_STATUSES,
    REFER_ENDED,
    REFER_FAILED,
    ROOM,
    STREAM_EVENTS,
)

Pairs = Sequence[tuple[str, str]]

_WORD = r"[a-z0-9_-]{0,40}"
_NUMBER = r"[0-9]{0,9}"
# No letters after a number: they would be the next parameter.
_PARTY = r"(?!\+[0-9]{1,15}[A-Za-z_])[\s\S]*"
# Part of every request of a call. Both have a fixed length, so no other parameter can be hidden in
# them.
REQUIRED = {"AccountSid": ACCOUNT_SID, "CallSid": CALL_SID}
# Optional parameters. The shapes admit any word, so that a new status of Twilio's passes and a
# parameter cut anew does not.
SHAPES = {
    name: re.compile(shape)
    for name, shape in {
        "ParentCallSid": f"({CALL_SID.pattern})?",
        "CallStatus": _WORD,
        "Direction": _WORD,
        "SequenceNumber": _NUMBER,
        "CallDuration": _NUMBER,
        "CallbackSource": _WORD,
        "AnsweredBy": _WORD,
        "StreamSid": f"({STREAM_SID.pattern})?",
        "StreamEvent": _WORD,
        "DialCallSid": f"({CALL_SID.pattern})?",
        "DialCallStatus": _WORD,
        "ReferCallStatus": _WORD,
        "ReferSipResponseCode": _NUMBER,
        "RecordingSid": f"({RECORDING_SID.pattern})?",
        "RecordingStatus": _WORD,
        "StatusCallbackEvent": _WORD,
    }.items()
}
# The two parties. Their names are no words of Twilio's: a SIP address is any text.
PARTIES = {name: re.compile(_PARTY) for name in ("From", "To")}


def _one_of(words: object) -> str:
    return "(?:" + "|".join(sorted(map(re.escape, words))) + ")"  # type: ignore[call-overload]


_ANY_PARTY = r"(?:\+?[0-9]{3}|(?:sips?|tel|client|whatsapp):)"
# How each of them begins where it is genuine. A word has to be one of Twilio's.
BEGINS: Mapping[str, str] = {
    "AccountSid": ACCOUNT_SID.pattern,
    "CallSid": CALL_SID.pattern,
    "ParentCallSid": CALL_SID.pattern,
    "CallStatus": _one_of({*PROGRESS, *ENDS}),
    "Direction": _one_of(DIRECTIONS),
    "SequenceNumber": "[0-9]",
    "CallDuration": "[0-9]",
    "CallbackSource": "call-progress-events",
    "AnsweredBy": _one_of(MACHINE),
    "StreamSid": STREAM_SID.pattern,
    "StreamEvent": _one_of(STREAM_EVENTS),
    "DialCallSid": CALL_SID.pattern,
    "DialCallStatus": _one_of({*FORWARD_ENDED, *FORWARD_FAILED}),
    "ReferCallStatus": _one_of({*REFER_ENDED, *REFER_FAILED}),
    "ReferSipResponseCode": "[0-9]",
    "RecordingSid": RECORDING_SID.pattern,
    "RecordingStatus": _one_of(RECORDING_STATUSES),
    "StatusCallbackEvent": _one_of(ROOM),
    "From": _ANY_PARTY,
    "To": _ANY_PARTY,
}
SHAPED = {**SHAPES, **PARTIES}
_LONGEST_FIRST = sorted(BEGINS, key=len, reverse=True)
_FIND = {name: re.compile(f"(?={name}{begin})") for name, begin in BEGINS.items()}
ANY = re.compile("|".join(f"{name}{begin}" for name, begin in BEGINS.items()))
# A name of ours anywhere in another name, or a part of one at its end.
_PART_OF_OURS = re.compile(
    f"{'|'.join(BEGINS)}|(?:{'|'.join({n[:i] for n in BEGINS for i in range(1, len(n))})})$"
)

# ``=`` and ``&`` separate parameters: none of them is part of a name.
_NAME = re.compile(r"[^=&\x00-\x1f\x7f]{1,200}")
# Parameters of a leg from a SIP trunk: one per ``X-`` header, under the header's own name.
#
# https://www.twilio.com/docs/voice/twiml/sip#custom-headers
SIP_HEADER = re.compile(r"(Dial)?SipHeader_")
_SIP_PREFIX = re.compile(r"(?:Dial)?SipHeader_X-")
# The end of a Studio flow's URL has a fixed length: no parameter can be a part of it.
_FIXED_END = re.compile(r"[?&]flow=FW[0-9a-f]{32}\Z")


@lru_cache(maxsize=256)
def are_plain(names: frozenset[str]) -> bool:
    """Whether no parameter of ours can begin within one of these names and end behind it.

    Raises ``InvalidSignature`` for a name that no sender has.
    """
    for name in names:
        if not _NAME.fullmatch(name):
            raise InvalidSignature("a parameter's name is none of Twilio's")
    others = names - BEGINS.keys()
    return min(names, default="") >= "AccountSid" and not any(map(_PART_OF_OURS.search, others))


def check_cut(url: str, pairs: Pairs) -> None:
    """Refuse a form whose parameters were cut anew. ``pairs`` are those beside the URL."""
    ordered = sorted(set(pairs))
    _check_first(url, ordered[0][0])
    _Form(ordered).check()


def check_repeated(pairs: Pairs) -> None:
    """Twilio repeats a name of others, never one of its own."""
    names = [name for name, _ in pairs]
    for name in BEGINS:
        if names.count(name) > 1:
            raise InvalidSignature(f"{name} is repeated, which Twilio does not do")


def _check_first(url: str, name: str) -> None:
    """Refuse a first parameter that may have been the end of the URL."""
    if name >= "AccountSid":
        return
    before, mark, _ = url.partition("?")
    if name[0] in "/?&" or (mark and not _FIXED_END.search(url, len(before))):
        raise InvalidSignature("the first parameter may have been the end of the URL")


class _Form:
    """The parameters of a form, and the places in its text where one of ours may have begun."""

    def __init__(self, ordered: Pairs) -> None:
        self._text = "".join(map("".join, ordered))
        self._places = {
            name: [found.start() for found in _FIND[name].finditer(self._text)] for name in BEGINS
        }
        self._starts = dict[str, int]()
        self._others = list[tuple[str, int, int]]()  # key, where it starts, where its value ends
        start = 0
        for key, value in ordered:
            end = start + len(key) + len(value)
            if key in BEGINS:
                self._starts[key] = start
            else:
                self._others.append((key, start, end))
            start = end

    def check(self) -> None:
        for key, start, end in self._others:
            # a stream's name of ours is random, and has a fixed length: nothing hides in it
            if key == "StreamName" and is_stream_id(self._text[start + len(key) : end]):
                continue
            for name in _LONGEST_FIRST:
                for place in self._places[name]:
                    if start <= place < end and self._is_cut(name, key, start, place):
                        raise InvalidSignature(f"{name} is hidden in another parameter")

    def _is_cut(self, name: str, key: str, start: int, place: int) -> bool:
        """Whether ``name`` may have begun at ``place``, within the parameter ``key``."""
        if place == start:
            return True
        if name < "CallSid" < key:
            return False  # Twilio would have signed it before CallSid
        if key == "ForwardedFrom" and place < start + len(key):
            return False
        if name in self._starts:
            return self._moved(name, key, start, place)
        sip = SIP_HEADER.match(key)
        if sip is None or place >= start + len(key):
            return True
        # What sorts before the header cannot follow it. ``X-`` alone is no header.
        whole = _SIP_PREFIX.match(key)
        return name > sip[0] and not (whole and place == start + whole.end())

    def _moved(self, name: str, key: str, start: int, place: int) -> bool:
        """Whether a parameter that the form has may have stood here instead."""
        if start < self._starts[name]:
            return not key < "CallSid" < name
        return self._fits(name, place)

    def _fits(self, name: str, place: int) -> bool:
        """Whether the form's others can stand around it in the order of their names."""
        last = -1
        for other in sorted(self._starts):
            places = [place] if other == name else self._places[other]
            found = [at for at in places if at > last]
            if not found:
                return False
            last = found[0]
        return True
