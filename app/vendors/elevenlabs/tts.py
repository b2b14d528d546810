""""""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pipecat.services.elevenlabs.tts import ElevenLabsTTSService

from app.vendors.common.account import VendorAccount
from app.vendors.common.speech_request import Config
from app.vendors.common.tts_part import Custom, _ws
from app.vendors.common.tts_websocket import _ReportsVendorErrors
from app.vendors.elevenlabs import tts as elevenlabs_tts
from providers.events import EndedReason

if TYPE_CHECKING:
    from pipecat.services.tts_service import TTSService


ELEVEN_LABS_URL, ELEVEN_LABS_MODEL = "wss://api.elevenlabs.io", "eleven_turbo_v2"


def _eleven_labs(config: Config, account: VendorAccount, sample_rate: int, _: Custom) -> TTSService:
    from app.vendors.elevenlabs.tts import ElevenLabsVoice

    name = str(config["voiceId"])
    voice = quote(elevenlabs_tts.ELEVEN_LABS.get(name.lower(), name), safe="")
    return ElevenLabsVoice(
        api_key=account.key or "",
        url=_ws(account.url, ELEVEN_LABS_URL),
        sample_rate=sample_rate,
        enable_ssml_parsing=config.get("enableSsmlParsing"),
        auto_mode=config.get("autoMode"),
        reconnect_on_error=False,
        settings=ElevenLabsVoice.Settings(
            voice=voice,
            model=quote(config.get("model") or ELEVEN_LABS_MODEL, safe=""),
            language=config.get("language"),
            stability=config.get("stability"),
            similarity_boost=config.get("similarityBoost"),
            style=config.get("style"),
            use_speaker_boost=config.get("useSpeakerBoost"),
            speed=config.get("speed"),
        ),
    )


ELEVEN_LABS: Mapping[str, str] = {
    "drew": "29vD33N1CtxCmqQRPOHJ",
    "joseph": "Zlb1dXrM653N07WRdFW3",
    "matilda": "XrExE9yKIg1WjnnlVkGX",
    "paul": "5Q0t7uMcjvnagumLfvZi",
    "ryan": "wViXBPUzp2ZZixB1xQuM",
    "sarah": "EXAVITQu4vr4xnSDxMaL",
}
"""Of Vapi's fifteen presets those that are ElevenLabs' own premade voices; the ids of the others
are not published, and their names are answered by ElevenLabs with "voice not found".
https://api.elevenlabs.io/v1/voices (category premade)"""


class ElevenLabsVoice(_ReportsVendorErrors, ElevenLabsTTSService):
    """https://elevenlabs.io/docs/api-reference/text-to-speech/v-1-text-to-speech-voice-id-multi-stream-input"""

    def refusal(self, message: Mapping[str, Any]) -> str | None:
        if not message.get("error"):
            return None
        return f"{message['error']}: {message.get('message', '')}"


NARROWER: Mapping[str, tuple[tuple[re.Pattern[str], EndedReason], ...]] = {
    "11labs": (
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
    ),
}
"""Values of their own, by what the error says. https://help.elevenlabs.io/hc/en-us/articles/19572237925521"""
