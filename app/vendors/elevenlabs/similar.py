"""ElevenLabs' voices in place of another vendor's.

Only premade ones, which every account has. https://elevenlabs.io/docs/product/voices/default-voices
"""

from __future__ import annotations

from app.vendors.common.similar_voice import BRIGHT, CALM, DEEP, FEMALE, MALE, Voices, Wish
from app.vendors.common.vendor import Config

TONES: Voices = {
    (FEMALE, BRIGHT): "cgSgspJ2msm6clMCkdW9",  # Jessica
    (FEMALE, CALM): "EXAVITQu4vr4xnSDxMaL",  # Sarah
    (FEMALE, DEEP): "XrExE9yKIg1WjnnlVkGX",  # Matilda
    (MALE, BRIGHT): "TX3LPaxmHKxNdv7VOQgh",  # Liam
    (MALE, CALM): "cjVigY5qzO86Huf0OWal",  # Eric
    (MALE, DEEP): "nPczCjzI2devNBz1zQrb",  # Brian
}
# The model for other languages than English, and its languages.
# https://elevenlabs.io/docs/models#flash-v25
MULTILINGUAL = "eleven_flash_v2_5"
LANGUAGES = frozenset(
    [
        "ar",
        "bg",
        "cs",
        "da",
        "de",
        "el",
        "en",
        "es",
        "fi",
        "fil",
        "fr",
        "hi",
        "hr",
        "hu",
        "id",
        "it",
        "ja",
        "ko",
        "ms",
        "nl",
        "no",
        "pl",
        "pt",
        "ro",
        "ru",
        "sk",
        "sv",
        "ta",
        "tr",
        "uk",
        "vi",
        "zh",
    ]
)


def similar(wish: Wish) -> Config | None:
    """None: its model does not have the language."""
    voice: Config = {"provider": "11labs", "voiceId": wish.pick(TONES), **wish.paced(0.7, 1.2)}
    if wish.is_english:
        return voice
    if wish.base == "auto":  # by the text
        return {**voice, "model": MULTILINGUAL}
    if wish.base not in LANGUAGES:
        return None
    return {**voice, "model": MULTILINGUAL, "language": wish.base}
