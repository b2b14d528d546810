"""Talkscriber: transcribers. Vapi has no ended reason of their own for them."""

from __future__ import annotations

from collections.abc import Mapping

from app.vendors.common.address import ORIGIN
from app.vendors.common.field import Field
from app.vendors.common.vendor import SttPart, Vendor

FIELDS: Mapping[str, Field] = {"language": Field("language", str), "model": Field("model", str)}

VENDOR = Vendor(
    name="talkscriber",
    env_prefix="TALKSCRIBER",
    form=ORIGIN,
    stt=SttPart(
        make=f"{__name__}.stt:make", fields=FIELDS, address="wss://api.talkscriber.com:9090"
    ),
)
