"""Deepgram: transcribers and voices."""

from __future__ import annotations

from app.vendors.common.address import ORIGIN
from app.vendors.common.vendor import SttPart, TtsPart, Vendor
from providers.events import EndedReason

VENDOR = Vendor(
    name="deepgram",
    env_prefix="DEEPGRAM",
    form=ORIGIN,
    stt=SttPart(
        make=f"{__name__}.stt:make",
        address="https://api.deepgram.com",
        failed=EndedReason.PIPELINE_ERROR_DEEPGRAM_TRANSCRIBER_FAILED,
    ),
    tts=TtsPart(
        make=f"{__name__}.tts:make",
        failed=EndedReason.PIPELINE_ERROR_DEEPGRAM_VOICE_FAILED,
        asked_ahead=True,
    ),
)
