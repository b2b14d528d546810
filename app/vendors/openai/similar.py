"""OpenAI's voices in place of another vendor's. They speak the language of the text.

https://platform.openai.com/docs/guides/text-to-speech#voice-options
"""

from __future__ import annotations

from app.vendors.common.similar_voice import BRIGHT, CALM, DEEP, FEMALE, MALE, Voices, Wish
from app.vendors.common.vendor import Config

TONES: Voices = {
    (FEMALE, BRIGHT): "nova",
    (FEMALE, CALM): "shimmer",
    (FEMALE, DEEP): "sage",
    (MALE, BRIGHT): "ash",
    (MALE, CALM): "echo",
    (MALE, DEEP): "onyx",
}


def similar(wish: Wish) -> Config:
    """Every wish has one."""
    return {"provider": "openai", "voiceId": wish.pick(TONES), **wish.paced(0.25, 4)}
