"""Deepgram's voices in place of another vendor's. https://developers.deepgram.com/docs/tts-models"""

from __future__ import annotations

from collections.abc import Mapping

from app.vendors.common.similar_voice import (
    BRIGHT,
    CALM,
    DEEP,
    FEMALE,
    MALE,
    SOUTHERN,
    Voices,
    Wish,
)
from app.vendors.common.vendor import Config

TONES: Voices = {
    (FEMALE, BRIGHT): "thalia",
    (FEMALE, CALM): "helena",
    (FEMALE, DEEP): "athena",
    (MALE, BRIGHT): "aries",
    (MALE, CALM): "apollo",
    (MALE, DEEP): "zeus",
}
ACCENTS: Voices = {(FEMALE, SOUTHERN): "janus"}
# Its other languages: one voice of each gender.
LANGUAGES: Mapping[str, Mapping[str, str]] = {
    "de": {FEMALE: "viktoria", MALE: "julius"},
    "es": {FEMALE: "celeste", MALE: "nestor"},
}


def similar(wish: Wish) -> Config | None:
    """None: it does not have the language."""
    voice: Config = {"provider": "deepgram", **wish.paced(0.7, 1.5)}
    if wish.voice_id or wish.is_english or wish.base == "auto":
        return {**voice, "voiceId": wish.pick(TONES, ACCENTS)}
    others = LANGUAGES.get(wish.base)
    return {**voice, "voiceId": others[wish.sound.gender]} if others else None
