"""Texts for Vonage's ``talk`` action, in parts that it accepts.

https://developer.vonage.com/en/voice/voice-api/ncco-reference#talk
"""

from __future__ import annotations

import re

MAX_TALK = 1500


def parts(text: str) -> list[str]:
    """Parts that Vonage accepts, cut between words where possible."""
    found, rest = [], " ".join(cleaned(text).split())
    while rest:
        cut = len(rest) if len(rest) <= MAX_TALK else rest.rfind(" ", 1, MAX_TALK + 1)
        part = rest[: cut if cut > 0 else MAX_TALK]
        rest = rest[len(part) :].lstrip()
        found.append(_plain(part))
    return found


def cleaned(value: str) -> str:
    """Remove control characters and lone surrogates, for which Vonage refuses the NCCO."""
    return re.sub("[\x00-\x1f\x7f\ud800-\udfff]", " ", value)


def _plain(part: str) -> str:
    """Defuse a text that begins like SSML: Vonage would interpret it instead of reading it out."""
    if part.lower().startswith("<speak"):
        return part.replace("<", " ").replace(">", " ")
    return part
