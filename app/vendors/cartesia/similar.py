"""Cartesia's voices in place of another vendor's. https://play.cartesia.ai/voices"""

from __future__ import annotations

from app.vendors.common.similar_voice import (
    BRIGHT,
    CALM,
    DEEP,
    FEMALE,
    INDIAN,
    MALE,
    SOUTHERN,
    Voices,
    Wish,
)
from app.vendors.common.vendor import Config

TONES: Voices = {
    (FEMALE, BRIGHT): "f786b574-daa5-4673-aa0c-cbe3e8534c02",  # Katie
    (FEMALE, CALM): "9626c31c-bec5-4cca-baa8-f8ba9e84c8bc",  # Jacqueline
    (FEMALE, DEEP): "e07c00bc-4134-4eae-9ea4-1a55fb45746b",  # Brooke
    (MALE, BRIGHT): "a167e0f3-df7e-4d52-a9c3-f949145efdab",  # Blake
    (MALE, CALM): "228fca29-3a0a-435c-8728-5cb483251068",  # Kiefer
    (MALE, DEEP): "5ee9feff-1265-424a-9d7f-8e4d431a12c7",  # Ronald
}
ACCENTS: Voices = {
    (FEMALE, INDIAN): "3b554273-4299-48b9-9aaf-eefd438e3941",  # Indian Lady
    (FEMALE, SOUTHERN): "f9836c6e-a0bd-460e-9d3c-f7299fa60f94",  # Caroline
    (MALE, INDIAN): "638efaaa-4d0c-442e-b701-3fae16aad012",  # Sameer
}
# Of its model sonic-3. https://docs.cartesia.ai/build-with-cartesia/tts-models/latest
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
        "no",
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
        "tl",
        "tr",
        "uk",
        "vi",
        "zh",
    ]
)
# Other codes of a language.
CODES = {"fil": "tl"}


def similar(wish: Wish) -> Config | None:
    """None: it does not have the language."""
    voice: Config = {"provider": "cartesia", "voiceId": wish.pick(TONES, ACCENTS)}
    if how := wish.paced(0.6, 1.5):
        voice = {**voice, "generationConfig": how}
    language = CODES.get(wish.base, wish.base)
    if not language or language == "auto":
        return voice
    return {**voice, "language": language} if language in LANGUAGES else None
