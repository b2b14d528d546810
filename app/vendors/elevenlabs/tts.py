"""ElevenLabs' voices, over its websocket.

https://elevenlabs.io/docs/api-reference/text-to-speech/v-1-text-to-speech-voice-id-multi-stream-input
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from pipecat.services.elevenlabs.tts import ElevenLabsTTSService

from app.vendors.common.account import VendorAccount
from app.vendors.common.tts_part import Custom, address_rule, websocket_address
from app.vendors.common.tts_websocket import ReportsVendorErrors
from app.vendors.common.vendor import Config

ADDRESS = "wss://api.elevenlabs.io"
MODEL = "eleven_turbo_v2"
# Those of Vapi's fifteen presets that are ElevenLabs' own premade voices. The ids of the others are
# not published, and ElevenLabs answers their names with "voice not found".
# https://api.elevenlabs.io/v1/voices (category premade)
VOICES: Mapping[str, str] = {
    "drew": "29vD33N1CtxCmqQRPOHJ",
    "joseph": "Zlb1dXrM653N07WRdFW3",
    "matilda": "XrExE9yKIg1WjnnlVkGX",
    "paul": "5Q0t7uMcjvnagumLfvZi",
    "ryan": "wViXBPUzp2ZZixB1xQuM",
    "sarah": "EXAVITQu4vr4xnSDxMaL",
}


class ElevenLabsVoice(ReportsVendorErrors, ElevenLabsTTSService):
    """The voice of one call."""

    def refusal(self, message: Mapping[str, object]) -> str | None:
        if not message.get("error"):
            return None
        return f"{message['error']}: {message.get('message', '')}"


def make(
    config: Config, account: VendorAccount, sample_rate: int, custom: Custom
) -> ElevenLabsVoice:
    name = str(config["voiceId"])
    made = ElevenLabsVoice(
        api_key=account.key or "",
        url=websocket_address(account, ADDRESS),
        sample_rate=sample_rate,
        enable_ssml_parsing=config.get("enableSsmlParsing"),
        auto_mode=config.get("autoMode"),
        reconnect_on_error=False,
        settings=ElevenLabsVoice.Settings(
            voice=quote(VOICES.get(name.lower(), name), safe=""),
            model=quote(config.get("model") or MODEL, safe=""),
            language=config.get("language"),
            stability=config.get("stability"),
            similarity_boost=config.get("similarityBoost"),
            style=config.get("style"),
            use_speaker_boost=config.get("useSpeakerBoost"),
            speed=config.get("speed"),
        ),
    )
    made.addresses = address_rule(account, custom)
    return made
