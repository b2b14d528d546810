"""What the line sounds like beside the voices: the background, and the caller's noise. Pure.

https://docs.vapi.ai/assistants/background-speech-denoising
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from app.domain.assistant.fields import Json, object_of, text_of

OFF, OFFICE = "off", "office"
BUILT_IN = [OFF, OFFICE, ""]
"""Values of ``backgroundSound`` that are not the address of a file."""


class Denoising(Enum):
    """How much of the caller's background is removed."""

    OFF = 0
    SMART = 1
    """``smartDenoisingPlan``, Krisp at Vapi; or the older ``backgroundDenoisingEnabled``."""
    STRONG = 2
    """``fourierDenoisingPlan`` is asked for, alone or too."""


@dataclass(frozen=True, slots=True)
class LineSound:
    """``background``: ``off``, ``office`` or a URL."""

    background: str = OFF
    denoising: Denoising = Denoising.OFF


def parse(assistant: Json) -> LineSound:
    """Vapi's default background on the phone is ``office``; here it is ``off``."""
    return LineSound(text_of(assistant, "backgroundSound") or OFF, _denoising(assistant))


def _denoising(assistant: Json) -> Denoising:
    plan = object_of(assistant, "backgroundSpeechDenoisingPlan")
    smart, fourier = object_of(plan, "smartDenoisingPlan"), object_of(plan, "fourierDenoisingPlan")
    if fourier.get("enabled") is True:
        return Denoising.STRONG
    has_smart = isinstance(plan.get("smartDenoisingPlan"), Mapping)
    is_smart = has_smart and smart.get("enabled") is not False
    return Denoising.SMART if is_smart or _older(assistant) else Denoising.OFF


def _older(assistant: Json) -> bool:
    return assistant.get("backgroundDenoisingEnabled") is True
