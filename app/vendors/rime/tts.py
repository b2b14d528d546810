"""Rime's voices, over its websocket. https://docs.rime.ai/docs/websockets"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from pipecat.services.rime.tts import RimeTTSService

from app.vendors.common.account import VendorAccount
from app.vendors.common.tts_part import Custom, address_rule, websocket_address
from app.vendors.common.tts_websocket import ReportsVendorErrors
from app.vendors.common.vendor import Config

ADDRESS = "wss://users-ws.rime.ai"
MODEL = "arcana"


class RimeVoice(ReportsVendorErrors, RimeTTSService):
    """The voice of one call."""

    def refusal(self, message: Mapping[str, object]) -> str | None:
        return str(message.get("message")) if message.get("type") == "error" else None


def make(config: Config, account: VendorAccount, sample_rate: int, custom: Custom) -> RimeVoice:
    model, language = config.get("model") or MODEL, config.get("language")
    made = RimeVoice(
        api_key=account.key or "",
        url=f"{websocket_address(account, ADDRESS)}/ws3",
        sample_rate=sample_rate,
        reconnect_on_error=False,
        settings=RimeVoice.Settings(
            voice=quote(config["voiceId"], safe=""),
            model=quote(model, safe=""),
            language=quote(language, safe="") if language else None,
            # Vapi's speed is a multiplier, and Rime's a duration: above 1 is slower.
            speedAlpha=1 / config["speed"] if config.get("speed") else None,
            reduceLatency=config.get("reduceLatency"),
            pauseBetweenBrackets=config.get("pauseBetweenBrackets"),
            phonemizeBetweenBrackets=config.get("phonemizeBetweenBrackets"),
        ),
    )
    made.addresses = address_rule(account, custom)
    return made
