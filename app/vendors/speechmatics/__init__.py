"""Speechmatics: transcribers. Vapi's page has no ended reason of theirs."""

from __future__ import annotations

from collections.abc import Mapping

from app.vendors.common.address import ORIGIN
from app.vendors.common.field import Field
from app.vendors.common.vendor import SttPart, Vendor

REGIONS = ("eu", "us")

FIELDS: Mapping[str, Field] = {
    "language": Field("language", str),
    "operatingPoint": Field("operating_point", str, ("standard", "enhanced")),
    "maxDelay": Field("max_delay", float),
    "region": Field("region", str, REGIONS),
}

VENDOR = Vendor(
    name="speechmatics",
    env_prefix="SPEECHMATICS",
    form=ORIGIN,
    stt=SttPart(
        make=f"{__name__}.stt:make", fields=FIELDS, address="wss://eu2.rt.speechmatics.com"
    ),
)
