"""MiniMax's voices, over HTTP. https://platform.minimax.io/docs/api-reference/speech-t2a-http"""

from __future__ import annotations

from urllib.parse import urlencode

from app.vendors.common.account import VendorAccount
from app.vendors.common.speech_answer import JsonLines, NoSound
from app.vendors.common.speech_request import Ask, Request, json_request, rate_of
from app.vendors.common.tts_http import HttpVoice, http_voice
from app.vendors.common.tts_part import Custom
from app.vendors.common.vendor import Config
from app.vendors.minimax import REGIONS
from providers.common.json_types import JsonDict, JsonObject

MODEL = "speech-02-turbo"
RATES = (8000, 16_000, 22_050, 24_000, 32_000, 44_100)
# Vapi's field -> the vendor's, of ``voice_setting``.
VOICE_SETTING = {
    "voiceId": "voice_id",
    "speed": "speed",
    "volume": "vol",
    "emotion": "emotion",
    "textNormalizationEnabled": "text_normalization",
}


def make(config: Config, account: VendorAccount, sample_rate: int, custom: Custom) -> HttpVoice:
    ask = ask_for(config, account, sample_rate)
    return http_voice(ask, config, account, sample_rate, custom)


def ask_for(config: Config, account: VendorAccount, sample_rate: int) -> Ask:
    """The request for each sentence. Older accounts are told apart by their group."""
    base = account.url or REGIONS[config.get("region") or "worldwide"]
    group = account.extra.get("groupId")
    query = f"?{urlencode({'GroupId': group})}" if group else ""
    rate = rate_of(RATES, sample_rate)
    body = _body(config, rate)

    def ask(text: str) -> Request:
        return json_request(
            f"{base.rstrip('/')}/t2a_v2{query}",
            {**body, "text": text},
            rate,
            {"Authorization": f"Bearer {account.key or ''}"},
            lambda: JsonLines(sound),
        )

    return ask


def _body(config: Config, rate: int) -> JsonDict:
    given = {name: config[name] for name in VOICE_SETTING if config.get(name) is not None}
    setting: JsonDict = {VOICE_SETTING[name]: value for name, value in given.items()}
    if config.get("pitch") is not None:
        setting["pitch"] = round(config["pitch"])  # semitones, and whole ones only
    boost = config.get("languageBoost")
    return {
        "model": config.get("model") or MODEL,
        "stream": True,
        # else the last piece has the whole sound once more
        "stream_options": {"exclude_aggregated_audio": True},
        "voice_setting": setting,
        "audio_setting": {"sample_rate": rate, "format": "pcm", "channel": 1},
        **({"language_boost": boost} if boost else {}),
    }


def sound(found: JsonObject) -> bytes:
    """Hexadecimal. A refusal comes with HTTP 200."""
    said = found.get("base_resp") or {}
    if said.get("status_code"):
        raise NoSound(f"{said['status_code']}: {said.get('status_msg')}")
    data = found.get("data") or {}
    return bytes.fromhex(data.get("audio") or "")
