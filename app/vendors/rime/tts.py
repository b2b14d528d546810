""""""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pipecat.services.rime.tts import RimeTTSService

from app.vendors.common.account import VendorAccount
from app.vendors.common.speech_request import Config
from app.vendors.common.tts_part import Custom, _ws
from app.vendors.common.tts_websocket import _ReportsVendorErrors

if TYPE_CHECKING:
    from pipecat.services.tts_service import TTSService


RIME_URL, RIME_MODEL = "wss://users-ws.rime.ai", "arcana"


def _rime(config: Config, account: VendorAccount, sample_rate: int, _: Custom) -> TTSService:
    from app.vendors.rime.tts import RimeVoice

    model, language = config.get("model") or RIME_MODEL, config.get("language")
    return RimeVoice(
        api_key=account.key or "",
        url=f"{_ws(account.url, RIME_URL)}/ws3",
        sample_rate=sample_rate,
        reconnect_on_error=False,
        settings=RimeVoice.Settings(
            voice=quote(config["voiceId"], safe=""),
            model=quote(model, safe=""),
            language=quote(language, safe="") if language else None,
            # Vapi's speed is a multiplier, Rime's a stretching: above 1 is slower.
            speedAlpha=1 / config["speed"] if config.get("speed") else None,
            reduceLatency=config.get("reduceLatency"),
            pauseBetweenBrackets=config.get("pauseBetweenBrackets"),
            phonemizeBetweenBrackets=config.get("phonemizeBetweenBrackets"),
        ),
    )


class RimeVoice(_ReportsVendorErrors, RimeTTSService):
    """https://docs.rime.ai/docs/websockets"""

    def refusal(self, message: Mapping[str, Any]) -> str | None:
        return str(message.get("message")) if message.get("type") == "error" else None
