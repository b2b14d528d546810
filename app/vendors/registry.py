""""""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from app.vendors.azure.tts import _azure
from app.vendors.cartesia.tts import _cartesia
from app.vendors.common.account import VendorAccount
from app.vendors.common.speech_request import Config
from app.vendors.common.tts_part import DISCONTINUED, Custom, Maker
from app.vendors.custom.tts import _custom
from app.vendors.deepgram.tts import _deepgram
from app.vendors.elevenlabs.tts import _eleven_labs
from app.vendors.openai.tts import _openai
from app.vendors.rime.tts import _rime

if TYPE_CHECKING:
    from pipecat.services.tts_service import TTSService


def _embedded(config: Config, _: VendorAccount, sample_rate: int, __: Custom) -> TTSService:
    from app.vendors.embedded import tts as embedded_tts

    made: TTSService = embedded_tts.make(config, sample_rate)
    return made


MAKERS: Mapping[str, Maker] = {
    "11labs": _eleven_labs,
    "azure": _azure,
    "cartesia": _cartesia,
    "custom-voice": _custom,
    "deepgram": _deepgram,
    "embedded": _embedded,
    "openai": _openai,
    "rime-ai": _rime,
    **dict.fromkeys(DISCONTINUED, _openai),
}
