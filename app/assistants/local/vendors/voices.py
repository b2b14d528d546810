"""The voice of an assistant, under the names Vapi gives vendors and fields.

Nothing of the media engine is imported until a voice is made.
https://docs.vapi.ai/api-reference/assistants/create (``voice``)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from app.assistants.local.vendors import voice_names, voice_requests
from app.assistants.local.vendors.access import NONE, Access, Keys, NoEngine
from app.assistants.local.vendors.voice_requests import Config

if TYPE_CHECKING:
    from pipecat.services.tts_service import TTSService

    from app.assistants.local.vendors.http_voice import Addresses

STAGE = "voice"
GONE = frozenset({"playht", "lmnt", "neets"})
"""Out of business: they speak only through an address that takes OpenAI's requests."""
WORD_TIMES = frozenset({"11labs", "cartesia", "rime-ai"})
"""Tell when each word is spoken."""
KEYLESS = frozenset({"custom-voice", "embedded"})

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


def candidates(config: Config, fallback: Config | None = None) -> tuple[Config, ...]:
    """The voices to try, in order: the assistant's, its ``fallbackPlan.voices``, the operator's."""
    plan = (config.get("fallbackPlan") or {}).get("voices") or ()
    own = {name: value for name, value in config.items() if name != "fallbackPlan"}
    return (own, *plan, *((fallback,) if fallback else ()))


def problem(config: Config, keys: Keys) -> str | None:
    """Why this voice cannot be built, for the operator; None: it can."""
    provider = str(config.get("provider") or "")
    access = keys.get(provider, NONE)
    if provider not in MAKERS:
        return f"voice.provider must be one of {', '.join(sorted(MAKERS))}; it is {provider!r}"
    if provider == "custom-voice":
        return None if _server(config).get("url") else "voice.server.url is missing"
    if provider == "embedded":
        return None
    if not config.get("voiceId"):
        return "voice.voiceId is missing"
    if provider in GONE and not access.url:
        return (
            f"{provider} is out of business: choose another voice.provider, give the voice a "
            "fallbackPlan or this server a fallback voice, or set an address for it that takes "
            "OpenAI's speech requests"
        )
    return _account_problem(provider, access)


def choose(config: Config, keys: Keys, fallback: Config | None = None) -> Config:
    """The first of ``candidates`` that can be built. Raises ``NoEngine`` of the assistant's own."""
    for candidate in candidates(config, fallback):
        if problem(candidate, keys) is None:
            return candidate
    raise NoEngine(STAGE, str(config.get("provider") or ""), problem(config, keys) or "no voice")


def make_voice(
    config: Config,
    keys: Keys,
    sample_rate: int,
    *,
    fallback: Config | None = None,
    custom: Custom | None = None,
) -> TTSService:
    """The voice that ``choose`` gives, sounding at ``sample_rate`` Hz. Raises ``NoEngine``.

    Without ``custom`` there is no rule for whose servers may be asked, and so none is.
    """
    chosen = choose(config, keys, fallback)
    provider = chosen["provider"]
    return MAKERS[provider](
        chosen, keys.get(provider, NONE), sample_rate, custom or Custom(_nowhere)
    )


def _nowhere(url: str) -> Sequence[str]:
    raise PermissionError("this process asks no servers")


def has_word_times(provider: str) -> bool:
    """Whether its words come one by one, each with its time; else a sentence at once."""
    return provider in WORD_TIMES


def _account_problem(provider: str, access: Access) -> str | None:
    if not access.key and not access.url:
        return f"no key for {provider}: store a credential of that provider, or set its key"
    if provider == "azure" and not access.url:
        region = access.extra.get("region", "")
        if not re.fullmatch(r"[a-z0-9-]+", region):
            return f"azure needs the region of its key, such as westeurope; it has {region!r}"
    return None


# -- one maker per way of speaking


def _openai(config: Config, access: Access, sample_rate: int, _: Custom) -> TTSService:
    return _http(config, voice_requests.openai(config, access, sample_rate), sample_rate)


def _azure(config: Config, access: Access, sample_rate: int, _: Custom) -> TTSService:
    return _http(config, voice_requests.azure(config, access, sample_rate), sample_rate)


def _custom(config: Config, _: Access, sample_rate: int, custom: Custom) -> TTSService:
    server = _server(config)
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


def _server(config: Config) -> Mapping[str, Any]:
    server: Mapping[str, Any] = config.get("server") or {}
    return server


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
