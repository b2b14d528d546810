"""Cartesia: transcribers and voices. Vapi has no ended reason of their own for them."""

from __future__ import annotations

from app.vendors.common.address import SOCKET_BASE
from app.vendors.common.field import of_kinds
from app.vendors.common.vendor import SttPart, TtsPart, Vendor

FIELDS = of_kinds(
    voiceId=str, model=str, language=str, pronunciationDictId=str, generationConfig=dict
)

TRANSCRIBER_FIELDS = of_kinds(model=str, language=str)

VENDOR = Vendor(
    name="cartesia",
    env_prefix="CARTESIA",
    form=SOCKET_BASE,
    stt=SttPart(
        make=f"{__name__}.stt:make", fields=TRANSCRIBER_FIELDS, address="https://api.cartesia.ai"
    ),
    tts=TtsPart(
        make=f"{__name__}.tts:make",
        fields=FIELDS,
        word_times=True,
        similar=f"{__name__}.similar:similar",
    ),
)
