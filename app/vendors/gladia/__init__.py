"""Gladia: transcribers. Vapi has no ended reason of their own for them."""

from __future__ import annotations

from collections.abc import Mapping

from app.vendors.common.address import ORIGIN
from app.vendors.common.field import Field
from app.vendors.common.vendor import SttPart, Vendor

REGIONS = ("us-west", "eu-west")

FIELDS: Mapping[str, Field] = {
    "model": Field("model", str),
    "endpointing": Field("endpointing", float),
}

# Fields that are in objects of their own at Gladia.
REST: Mapping[str, Field] = {
    "language": Field("language", str),
    "languages": Field("languages", list, or_one=True),
    "languageBehaviour": Field("behaviour", str),
    "audioEnhancer": Field("audio_enhancer", bool),
    "speechThreshold": Field("speech_threshold", float),
    "receivePartialTranscripts": Field("partials", bool),
    "customVocabularyEnabled": Field("vocabulary", bool),
    "transcriptionHint": Field("hint", str),
    "region": Field("region", str, REGIONS),
}

VENDOR = Vendor(
    name="gladia",
    env_prefix="GLADIA",
    form=ORIGIN,
    stt=SttPart(
        make=f"{__name__}.stt:make", fields={**FIELDS, **REST}, address="https://api.gladia.io"
    ),
)
