"""Deepgram's voices, over its websocket. https://developers.deepgram.com/docs/tts-websocket"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from pipecat.services.deepgram.tts import DeepgramTTSService

from app.vendors.common.account import VendorAccount
from app.vendors.common.tts_part import Custom, address_rule, websocket_address
from app.vendors.common.tts_websocket import ReportsVendorErrors
from app.vendors.common.vendor import Config

ADDRESS = "wss://api.deepgram.com"
# Voices that only the first model has.
AURA_ONE = frozenset({"angus", "helios", "perseus", "stella"})
SPANISH = "alvaro aquila carina celeste diana estrella javier nestor selena sirio"
GERMAN = "aurelia elara fabian julius kara lara viktoria"
# Voices that do not speak English. https://developers.deepgram.com/docs/tts-models
AURA_LANGUAGES: Mapping[str, str] = {
    **dict.fromkeys(SPANISH.split(), "es"),
    **dict.fromkeys(GERMAN.split(), "de"),
}


class DeepgramVoice(ReportsVendorErrors, DeepgramTTSService):
    """The voice of one call."""

    refusal_header = "dg-error"

    def refusal(self, message: Mapping[str, object]) -> str | None:
        if message.get("type") != "Error":
            return None
        return str(message.get("description") or message.get("err_msg") or message)


def make(config: Config, account: VendorAccount, sample_rate: int, custom: Custom) -> DeepgramVoice:
    voice = quote(voice_name(config["voiceId"], config.get("model")), safe="")
    made = DeepgramVoice(
        api_key=account.key or "",
        base_url=websocket_address(account, ADDRESS),
        sample_rate=sample_rate,
        mip_opt_out=config.get("mipOptOut"),
        reconnect_on_error=False,
        settings=DeepgramVoice.Settings(voice=voice, model=voice, speed=config.get("speed")),
    )
    made.addresses = address_rule(account, custom)
    return made


def voice_name(voice_id: str, model: str | None) -> str:
    """The vendor's name: ``asteria`` is ``aura-2-asteria-en``.

    A name with ``aura-`` is complete.
    """
    name = voice_id.lower()
    if name.startswith("aura-"):
        return name
    family = model or ("aura" if name in AURA_ONE else "aura-2")
    return f"{family}-{name}-{AURA_LANGUAGES.get(name, 'en')}"
