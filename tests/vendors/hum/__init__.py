"""Hum: voices of a vendor that only the tests know. A plugin's company looks like this."""

from __future__ import annotations

from app.vendors.common.vendor import TtsPart, Vendor

VENDOR = Vendor(
    name="hum",
    env_prefix="HUM",
    tts=TtsPart(make=f"{__name__}.tts:make"),
)
