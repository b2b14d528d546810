"""Deepgram: transcribers and voices."""

from __future__ import annotations

from collections.abc import Mapping

from app.vendors.common.address import ORIGIN
from app.vendors.common.field import Field, of_kinds
from app.vendors.common.vendor import SttPart, TtsPart, Vendor
from providers.events import EndedReason

FIELDS: Mapping[str, Field] = {
    "model": Field("model", str),
    "language": Field("language", str),
    "smartFormat": Field("smart_format", bool),
    "endpointing": Field("endpointing", int),
    "keywords": Field("keywords", list),
    "keyterm": Field("keyterm", list),
    "numerals": Field("numerals", bool),
    "profanityFilter": Field("profanity_filter", bool),
    "redaction": Field("redact", list),
}

# Of the Flux models.
FLUX_FIELDS: Mapping[str, Field] = {
    "model": Field("model", str),
    "languages": Field("language_hints", list),
    "keyterm": Field("keyterm", list),
    "eotThreshold": Field("eot_threshold", float),
    "eotTimeoutMs": Field("eot_timeout_ms", int),
    "confidenceThreshold": Field("min_confidence", float),
    "numerals": Field("numerals", bool),
    "profanityFilter": Field("profanity_filter", bool),
    "redaction": Field("redact", list),
}

VOICE_FIELDS = of_kinds(voiceId=str, model=str, speed=float, mipOptOut=bool)

VENDOR = Vendor(
    name="deepgram",
    env_prefix="DEEPGRAM",
    form=ORIGIN,
    stt=SttPart(
        make=f"{__name__}.stt:make",
        fields={**FLUX_FIELDS, **FIELDS},
        address="https://api.deepgram.com",
        failed=EndedReason.PIPELINE_ERROR_DEEPGRAM_TRANSCRIBER_FAILED,
    ),
    tts=TtsPart(
        make=f"{__name__}.tts:make",
        similar=f"{__name__}.similar:similar",
        fields=VOICE_FIELDS,
        failed=EndedReason.PIPELINE_ERROR_DEEPGRAM_VOICE_FAILED,
        asked_ahead=True,
    ),
)
