"""Google: Cloud Text-to-Speech. Vapi has no ended reason of its own for it."""

from __future__ import annotations

from app.vendors.common.field import of_kinds
from app.vendors.common.vendor import TtsPart, Vendor

VOICE_FIELDS = of_kinds(voiceId=str, model=str, language=str, speed=float)

VENDOR = Vendor(
    name="google",
    env_prefix="GOOGLE",
    tts=TtsPart(make=f"{__name__}.tts:make", fields=VOICE_FIELDS),
)
