"""ElevenLabs: transcribers and voices."""

from __future__ import annotations

import re

from app.vendors.common.address import SOCKET_BASE
from app.vendors.common.field import Field, of_kinds
from app.vendors.common.vendor import Cause, SttPart, TtsPart, Vendor
from providers.events import EndedReason

# https://help.elevenlabs.io/hc/en-us/articles/19572237925521
CAUSES: tuple[Cause, ...] = (
    (
        # "This request exceeds your quota of ...", error code quota_exceeded, or HTTP 402
        re.compile(r"quota|HTTP 402|not enough credits", re.IGNORECASE),
        EndedReason.PIPELINE_ERROR_ELEVEN_LABS_QUOTA_EXCEEDED,
    ),
    (
        # codes voice_not_found and voice_id_does_not_exist, "A voice with the voice_id ... does
        # not exist"; the voice is the only part of the address that can be unknown: HTTP 404
        re.compile(
            r"voice_?(id_)?(not_found|does_not_exist)|voice\b.*(does not exist|not found)|HTTP 404",
            re.IGNORECASE | re.DOTALL,
        ),
        EndedReason.PIPELINE_ERROR_ELEVEN_LABS_VOICE_NOT_FOUND,
    ),
)

FIELDS = of_kinds(
    voiceId=str,
    model=str,
    language=str,
    enableSsmlParsing=bool,
    autoMode=bool,
    stability=float,
    similarityBoost=float,
    style=float,
    useSpeakerBoost=bool,
    speed=float,
)

TRANSCRIBER_FIELDS = {
    "model": Field("model_id", str),
    "language": Field("language_code", str),
}

VENDOR = Vendor(
    name="11labs",
    aliases=("elevenlabs", "eleven-labs"),
    env_prefix="ELEVENLABS",
    form=SOCKET_BASE,
    stt=SttPart(
        make=f"{__name__}.stt:make", fields=TRANSCRIBER_FIELDS, address="https://api.elevenlabs.io"
    ),
    tts=TtsPart(
        make=f"{__name__}.tts:make",
        similar=f"{__name__}.similar:similar",
        fields=FIELDS,
        failed=EndedReason.PIPELINE_ERROR_ELEVEN_LABS_VOICE_FAILED,
        causes=CAUSES,
        word_times=True,
    ),
)
