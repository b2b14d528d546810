""""""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pipecat.services.deepgram.tts import DeepgramTTSService

from app.vendors.common.account import VendorAccount
from app.vendors.common.speech_request import Config
from app.vendors.common.tts_part import Custom, _ws
from app.vendors.common.tts_websocket import _ReportsVendorErrors
from app.vendors.deepgram import tts as deepgram_tts

if TYPE_CHECKING:
    from pipecat.services.tts_service import TTSService


DEEPGRAM_URL = "wss://api.deepgram.com"


def _deepgram(config: Config, account: VendorAccount, sample_rate: int, _: Custom) -> TTSService:
    from app.vendors.deepgram.tts import DeepgramVoice

    voice = quote(deepgram_tts.deepgram(config["voiceId"], config.get("model")), safe="")
    return DeepgramVoice(
        api_key=account.key or "",
        base_url=_ws(account.url, DEEPGRAM_URL),
        sample_rate=sample_rate,
        mip_opt_out=config.get("mipOptOut"),
        reconnect_on_error=False,
        settings=DeepgramVoice.Settings(voice=voice, model=voice, speed=config.get("speed")),
    )


AURA_ONE = frozenset({"angus", "helios", "perseus", "stella"})
"""Deepgram's voices that only the first model has."""


AURA_LANGUAGES: Mapping[str, str] = {
    **dict.fromkeys(
        [
            "alvaro",
            "aquila",
            "carina",
            "celeste",
            "diana",
            "estrella",
            "javier",
            "nestor",
            "selena",
            "sirio",
        ],
        "es",
    ),
    **dict.fromkeys(["aurelia", "elara", "fabian", "julius", "kara", "lara", "viktoria"], "de"),
}
"""Voices that do not speak English. https://developers.deepgram.com/docs/tts-models"""


def deepgram(voice_id: str, model: str | None) -> str:
    """``asteria`` is ``aura-2-asteria-en`` there. A name that begins with ``aura-`` is whole."""
    name = voice_id.lower()
    if name.startswith("aura-"):
        return name
    family = model or ("aura" if name in AURA_ONE else "aura-2")
    return f"{family}-{name}-{AURA_LANGUAGES.get(name, 'en')}"


class DeepgramVoice(_ReportsVendorErrors, DeepgramTTSService):
    """https://developers.deepgram.com/docs/tts-websocket"""

    def refusal(self, message: Mapping[str, Any]) -> str | None:
        if message.get("type") != "Error":
            return None
        return str(message.get("description") or message.get("err_msg") or message)
