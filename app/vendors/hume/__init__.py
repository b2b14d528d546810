"""Hume: voices. Vapi has no ended reason of their own for them."""

from __future__ import annotations

from app.vendors.common.field import of_kinds
from app.vendors.common.vendor import TtsPart, Vendor

FIELDS = of_kinds(voiceId=str, model=str, isCustomHumeVoice=bool, description=str)

VENDOR = Vendor(
    name="hume",
    env_prefix="HUME",
    tts=TtsPart(make=f"{__name__}.tts:make", fields=FIELDS),
)
