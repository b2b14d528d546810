"""Smallest AI: voices. Vapi has no ended reason of their own for them."""

from __future__ import annotations

from app.vendors.common.field import of_kinds
from app.vendors.common.vendor import TtsPart, Vendor

FIELDS = of_kinds(voiceId=str, model=str, speed=float)

VENDOR = Vendor(
    name="smallest-ai",
    aliases=("smallest", "smallestai"),
    env_prefix="SMALLEST",
    tts=TtsPart(make=f"{__name__}.tts:make", fields=FIELDS),
)
