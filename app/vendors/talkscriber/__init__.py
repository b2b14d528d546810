"""Talkscriber: transcribers. Vapi has no ended reason of their own for them."""

from __future__ import annotations

from app.vendors.common.address import ORIGIN
from app.vendors.common.vendor import SttPart, Vendor

VENDOR = Vendor(
    name="talkscriber",
    env_prefix="TALKSCRIBER",
    form=ORIGIN,
    stt=SttPart(make=f"{__name__}.stt:make", address="wss://api.talkscriber.com:9090"),
)
