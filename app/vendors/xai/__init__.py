"""xAI: voices. Vapi has no ended reason of their own for them."""

from __future__ import annotations

from app.vendors.common.field import of_kinds
from app.vendors.common.vendor import TtsPart, Vendor

VOICE_FIELDS = of_kinds(voiceId=str, language=str, speed=float)
ADDRESS = "https://api.x.ai/v1"

VENDOR = Vendor(
    name="xai",
    env_prefix="XAI",
    tts=TtsPart(make=f"{__name__}.tts:make", fields=VOICE_FIELDS),
)
