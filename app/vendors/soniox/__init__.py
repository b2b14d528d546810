"""Soniox: transcribers. Vapi's page has no ended reason of theirs."""

from __future__ import annotations

from collections.abc import Mapping

from app.vendors.common.address import ORIGIN
from app.vendors.common.field import Field
from app.vendors.common.vendor import SttPart, Vendor

FIELDS: Mapping[str, Field] = {
    "model": Field("model", str),
    "language": Field("language", str),
    "languages": Field("languages", list, or_one=True),
    "languageHintsStrict": Field("language_hints_strict", bool),
    "maxEndpointDelayMs": Field("max_endpoint_delay_ms", int),
    "customVocabulary": Field("terms", list),
}

VENDOR = Vendor(
    name="soniox",
    env_prefix="SONIOX",
    form=ORIGIN,
    stt=SttPart(make=f"{__name__}.stt:make", fields=FIELDS, address="wss://stt-rt.soniox.com"),
)
