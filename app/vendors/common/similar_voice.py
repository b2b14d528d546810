"""What a voice should sound like, for a vendor that has a similar one. Pure.

A vendor's ``similar`` takes a ``Wish`` and returns its own ``voice``. The tables name voices of the
same gender, accent and tone, as their vendors' pages describe them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from app.vendors.common.vendor import Config

FEMALE, MALE = "female", "male"
# Accents. Vapi calls the other ones American.
AMERICAN, CANADIAN, SOUTHERN, INDIAN = "american", "canadian", "southern", "indian"
# Tones: energetic and young; soothing and professional; deep and relaxed.
BRIGHT, CALM, DEEP = "bright", "calm", "deep"

# (gender, tone or accent) -> a vendor's name of the voice.
Voices: TypeAlias = Mapping[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class Sound:
    """How a voice sounds, each by a word above."""

    gender: str
    tone: str = CALM
    accent: str = AMERICAN


@dataclass(frozen=True, slots=True)
class Wish:
    """The voice that another vendor shall speak with."""

    sound: Sound
    language: str | None = None
    """As Vapi writes it: ``es-MX``, ``hi``; None: English, or whatever the text is in."""
    speed: float | None = None
    voice_id: str | None = None
    """The operator has chosen the vendor's voice."""

    @property
    def base(self) -> str:
        """The language without its country: ``es``. Empty: not given."""
        return (self.language or "").partition("-")[0].lower()

    @property
    def is_english(self) -> bool:
        return self.base in ("", "en")

    def pick(self, tones: Voices, accents: Voices | None = None) -> str:
        """The operator's voice, else the vendor's of this accent, else of this tone."""
        gender, sound = self.sound.gender, self.sound
        accent = (accents or {}).get((gender, sound.accent)) if self.is_english else None
        return self.voice_id or accent or tones[gender, sound.tone]

    def paced(self, slowest: float, fastest: float) -> dict[str, float]:
        """``speed`` within the vendor's range; empty where none is wished."""
        if self.speed is None:
            return {}
        return {"speed": min(max(self.speed, slowest), fastest)}


# None: the vendor has no voice for this language.
Similar: TypeAlias = Callable[[Wish], Config | None]
