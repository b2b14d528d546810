"""The embedded voice in place of another. https://github.com/espeak-ng/espeak-ng (languages)"""

from __future__ import annotations

from app.vendors.common.similar_voice import FEMALE, Wish
from app.vendors.common.vendor import Config

# The languages it has, of those that Vapi names.
LANGUAGES = frozenset(
    [
        "ar",
        "bg",
        "bn",
        "cs",
        "da",
        "de",
        "el",
        "en",
        "es",
        "fi",
        "fr",
        "gu",
        "he",
        "hi",
        "hr",
        "hu",
        "id",
        "it",
        "ja",
        "ka",
        "kn",
        "ko",
        "ml",
        "mr",
        "ms",
        "nl",
        "pa",
        "pl",
        "pt",
        "ro",
        "ru",
        "sk",
        "sv",
        "ta",
        "te",
        "th",
        "tr",
        "uk",
        "vi",
    ]
)
# Names of its own.
OTHERS = {"en": "en-us", "pt-br": "pt-br", "en-gb": "en-gb", "zh": "cmn", "no": "nb"}
# A speaker's variant.
WOMAN = "+f3"


def similar(wish: Wish) -> Config:
    """Every wish has one."""
    language = (wish.language or "").lower()
    known = OTHERS.get(language) or OTHERS.get(wish.base)
    name = known or (wish.base if wish.base in LANGUAGES else OTHERS["en"])
    voice = name + WOMAN if wish.sound.gender == FEMALE else name
    return {"provider": "embedded", "voiceId": wish.voice_id or voice, **wish.paced(0.5, 2)}
