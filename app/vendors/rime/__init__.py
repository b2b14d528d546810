"""Rime: voices."""

from __future__ import annotations

from app.vendors.common.address import SOCKET_BASE
from app.vendors.common.field import of_kinds
from app.vendors.common.vendor import TtsPart, Vendor
from providers.events import EndedReason

FIELDS = of_kinds(
    voiceId=str,
    model=str,
    language=str,
    speed=float,
    reduceLatency=bool,
    pauseBetweenBrackets=bool,
    phonemizeBetweenBrackets=bool,
)

VENDOR = Vendor(
    name="rime-ai",
    aliases=("rime",),
    env_prefix="RIME",
    form=SOCKET_BASE,
    tts=TtsPart(
        make=f"{__name__}.tts:make",
        fields=FIELDS,
        failed=EndedReason.PIPELINE_ERROR_RIME_AI_VOICE_FAILED,
        word_times=True,
    ),
)
