"""One maker for each way of speaking: an assistant's ``voice`` in, the engine's service out.

The media engine is imported when a voice is made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from app.assistants.local.vendors import voice_names, voice_requests
from app.assistants.local.vendors.voice_requests import Config
from app.domain.core import Addresses
from app.domain.vendors import Access

if TYPE_CHECKING:
    from pipecat.services.tts_service import TTSService

GONE = frozenset({"playht", "lmnt", "neets"})
"""Out of business: they speak only through an address that takes OpenAI's requests."""

ELEVEN_LABS_URL, ELEVEN_LABS_MODEL = "wss://api.elevenlabs.io", "eleven_turbo_v2"
DEEPGRAM_URL = "wss://api.deepgram.com"
CARTESIA_URL, CARTESIA_MODEL = "wss://api.cartesia.ai", "sonic-3"
RIME_URL, RIME_MODEL = "wss://users-ws.rime.ai", "arcana"
CUSTOM_SECONDS = 20.0
"""Of a custom voice's server, unless its ``timeoutSeconds`` says otherwise."""


@dataclass(frozen=True, slots=True)
class Custom:
    """What a ``custom-voice`` needs beside its own configuration.

    ``addresses``: the rule for whose servers may be asked. ``about``: call, assistant and so on,
    for the message.
    """

    addresses: Addresses
    about: Mapping[str, Any] = field(default_factory=dict, repr=False)


Maker = Callable[[Config, Access, int, Custom], "TTSService"]


def _openai(config: Config, access: Access, sample_rate: int, custom: Custom) -> TTSService:
    ask = voice_requests.openai(config, access, sample_rate)
    return _http(config, ask, sample_rate, addresses=_rule(access, custom))


def _azure(config: Config, access: Access, sample_rate: int, custom: Custom) -> TTSService:
    ask = voice_requests.azure(config, access, sample_rate)
    return _http(config, ask, sample_rate, addresses=_rule(access, custom))


def _rule(access: Access, custom: Custom) -> Addresses | None:
    """Only an address that a client chose is judged."""
    return custom.addresses if access.foreign and access.url else None


def _custom(config: Config, _: Access, sample_rate: int, custom: Custom) -> TTSService:
    server = server_of(config)
    ask = voice_requests.custom({**config, "server": server}, custom.about, sample_rate)
    seconds = float(server.get("timeoutSeconds") or CUSTOM_SECONDS)
    return _http(config, ask, sample_rate, addresses=custom.addresses, answer_seconds=seconds)


def _http(config: Config, ask: voice_requests.Ask, sample_rate: int, **more: Any) -> TTSService:
    from app.assistants.local.vendors.http_voice import HttpVoice

    return HttpVoice(
        ask, sample_rate, model=config.get("model"), voice=config.get("voiceId"), **more
    )


def _deepgram(config: Config, access: Access, sample_rate: int, _: Custom) -> TTSService:
    from app.assistants.local.vendors.socket_voices import DeepgramVoice

    voice = quote(voice_names.deepgram(config["voiceId"], config.get("model")), safe="")
    return DeepgramVoice(
        api_key=access.key or "",
        base_url=_ws(access.url, DEEPGRAM_URL),
        sample_rate=sample_rate,
        mip_opt_out=config.get("mipOptOut"),
        reconnect_on_error=False,
        settings=DeepgramVoice.Settings(voice=voice, model=voice, speed=config.get("speed")),
    )


def _eleven_labs(config: Config, access: Access, sample_rate: int, _: Custom) -> TTSService:
    from app.assistants.local.vendors.socket_voices import ElevenLabsVoice

    name = str(config["voiceId"])
    voice = quote(voice_names.ELEVEN_LABS.get(name.lower(), name), safe="")
    return ElevenLabsVoice(
        api_key=access.key or "",
        url=_ws(access.url, ELEVEN_LABS_URL),
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


def _cartesia(config: Config, access: Access, sample_rate: int, _: Custom) -> TTSService:
    from pipecat.services.cartesia.tts import GenerationConfig

    from app.assistants.local.vendors.socket_voices import CartesiaVoice

    how = config.get("generationConfig") or {}
    wished = {name: how[name] for name in ("speed", "volume", "emotion") if how.get(name)}
    return CartesiaVoice(
        api_key=access.key or "",
        url=f"{_ws(access.url, CARTESIA_URL)}/tts/websocket",
        sample_rate=sample_rate,
        reconnect_on_error=False,
        settings=CartesiaVoice.Settings(
            voice=config["voiceId"],
            model=config.get("model") or CARTESIA_MODEL,
            language=config.get("language"),
            generation_config=GenerationConfig(**wished) if wished else None,
            pronunciation_dict_id=config.get("pronunciationDictId"),
        ),
    )


def _rime(config: Config, access: Access, sample_rate: int, _: Custom) -> TTSService:
    from app.assistants.local.vendors.socket_voices import RimeVoice

    model, language = config.get("model") or RIME_MODEL, config.get("language")
    return RimeVoice(
        api_key=access.key or "",
        url=f"{_ws(access.url, RIME_URL)}/ws3",
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


def _embedded(config: Config, _: Access, sample_rate: int, __: Custom) -> TTSService:
    from app.assistants.local.embedded import voice

    made: TTSService = voice.make(config, sample_rate)
    return made


def _ws(url: str | None, default: str) -> str:
    """A vendor's address may be given as http or as ws."""
    return re.sub("^http", "ws", (url or default).rstrip("/"))


def server_of(config: Config) -> Mapping[str, Any]:
    """Of a ``custom-voice``; empty where it has none."""
    server = config.get("server")
    return server if isinstance(server, Mapping) else {}


MAKERS: Mapping[str, Maker] = {
    "11labs": _eleven_labs,
    "azure": _azure,
    "cartesia": _cartesia,
    "custom-voice": _custom,
    "deepgram": _deepgram,
    "embedded": _embedded,
    "openai": _openai,
    "rime-ai": _rime,
    **dict.fromkeys(GONE, _openai),
}
