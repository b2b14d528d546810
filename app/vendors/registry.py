"""Every AI vendor. To add one, add a folder like the others, and a line here.

This is data only, safe to import anywhere: it loads no SDK and no pipecat. A vendor without code of
its own has no folder: it is a line of those with OpenAI's protocol.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from app.vendors import (
    anthropic,
    assembly_ai,
    aws,
    azure,
    cartesia,
    custom,
    deepgram,
    elevenlabs,
    embedded,
    gladia,
    google,
    hume,
    inworld,
    minimax,
    mistral,
    neuphonic,
    openai,
    perplexity,
    piper,
    rime,
    smallest_ai,
    soniox,
    speechmatics,
    talkscriber,
    vapi,
    whisper,
    xai,
)
from app.vendors.common.field import problems
from app.vendors.common.vendor import (
    FALLBACK_PLANS,
    Config,
    LlmPart,
    SpeechPart,
    SttPart,
    TtsPart,
    Vendor,
)
from app.vendors.openai import compatible, discontinued
from providers.events import EndedReason as R

BUILT_IN = (
    openai.VENDOR,
    azure.OPENAI,
    compatible(  # docs.together.ai/docs/openai-api-compatibility
        "together-ai",
        "TOGETHER",
        R.PIPELINE_ERROR_TOGETHER_AI_LLM_FAILED,
        "https://api.together.xyz/v1",
    ),
    compatible(  # its public endpoints are closed
        "anyscale", "ANYSCALE", R.PIPELINE_ERROR_ANYSCALE_LLM_FAILED
    ),
    compatible(  # openrouter.ai/docs/quickstart
        "openrouter",
        "OPENROUTER",
        R.PIPELINE_ERROR_OPENROUTER_LLM_FAILED,
        "https://openrouter.ai/api/v1",
    ),
    perplexity.VENDOR,
    compatible(  # deepinfra.com/docs/openai_api
        "deepinfra",
        "DEEPINFRA",
        R.PIPELINE_ERROR_DEEPINFRA_LLM_FAILED,
        "https://api.deepinfra.com/v1/openai",
    ),
    compatible(  # each endpoint has an address of its own
        "runpod", "RUNPOD", R.PIPELINE_ERROR_RUNPOD_LLM_FAILED
    ),
    compatible(  # console.groq.com/docs/openai
        "groq", "GROQ", R.PIPELINE_ERROR_GROQ_LLM_FAILED, "https://api.groq.com/openai/v1"
    ),
    compatible(  # inference-docs.cerebras.ai/resources/openai
        "cerebras",
        "CEREBRAS",
        R.PIPELINE_NO_AVAILABLE_LLM_MODEL,
        "https://api.cerebras.ai/v1",
        max_tokens_field=openai.MAX_TOKENS_FIELD,
    ),
    compatible(  # api-docs.deepseek.com; its newer models think first unless they are told
        "deep-seek",
        "DEEPSEEK",
        R.PIPELINE_NO_AVAILABLE_LLM_MODEL,
        "https://api.deepseek.com/v1",
        reasoning=re.compile(".*reasoner"),
        extras=((re.compile("(?!.*reasoner)"), {"thinking": {"type": "disabled"}}),),
    ),
    mistral.VENDOR,
    compatible(  # docs.ollama.com/api/openai-compatibility; the operator opens a server, no client
        "ollama", "OLLAMA", R.PIPELINE_NO_AVAILABLE_LLM_MODEL
    ),
    compatible(  # its own API is another; a gateway with OpenAI's may stand for it
        "inflection-ai", "INFLECTION_AI", R.PIPELINE_NO_AVAILABLE_LLM_MODEL
    ),
    compatible(  # AWS takes requests that are signed otherwise; a gateway may stand for it
        "anthropic-bedrock", "ANTHROPIC_BEDROCK", R.PIPELINE_NO_AVAILABLE_LLM_MODEL
    ),
    anthropic.VENDOR,
    custom.LLM,
    deepgram.VENDOR,
    elevenlabs.VENDOR,
    discontinued("playht", "PLAYHT", R.PIPELINE_ERROR_PLAYHT_VOICE_FAILED, "userId"),
    discontinued("lmnt", "LMNT", R.PIPELINE_ERROR_LMNT_VOICE_FAILED),
    azure.SPEECH,
    rime.VENDOR,
    discontinued("neets", "NEETS", R.PIPELINE_ERROR_NEETS_VOICE_FAILED),
    cartesia.VENDOR,
    talkscriber.VENDOR,
    gladia.VENDOR,
    assembly_ai.VENDOR,
    soniox.VENDOR,
    speechmatics.VENDOR,
    custom.VOICE,
    custom.TRANSCRIBER,
    minimax.VENDOR,
    inworld.VENDOR,
    hume.VENDOR,
    google.VENDOR,
    aws.VENDOR,
    azure.MICROSOFT,
    smallest_ai.VENDOR,
    neuphonic.VENDOR,
    xai.VENDOR,
    discontinued("sesame", "SESAME", R.ASSISTANT_ERROR, why="has no public API"),
    discontinued("wellsaid", "WELLSAID", R.ASSISTANT_ERROR, why="sends no sound but MP3"),
    discontinued("tavus", "TAVUS", R.ASSISTANT_ERROR, why="is a video, and no voice of a call"),
    vapi.VENDOR,
    embedded.VENDOR,
    whisper.VENDOR,
    piper.VENDOR,
)

# By Vapi's name, in the order of messages and pages.
VENDORS: dict[str, Vendor] = {vendor.name: vendor for vendor in BUILT_IN}

# Why some of Vapi's transcribers cannot be had.
NO_TRANSCRIBERS: Mapping[str, str] = {
    "vapi": "it is Vapi's own",
}

# For an assistant without a transcriber, whose model needs one.
DEFAULT_TRANSCRIBER = deepgram.VENDOR.name

EMBEDDED = embedded.VENDOR.name
# What ``patchbay[local]`` brings, and the model beside it.
LOCAL_TRANSCRIBER, LOCAL_VOICE, LOCAL_MODEL = whisper.VENDOR.name, piper.VENDOR.name, "ollama"

# Whose voices speak in place of Vapi's own, in this order. Each has a ``similar``.
SIMILAR_VOICES = (
    elevenlabs.VENDOR.name,
    openai.VENDOR.name,
    cartesia.VENDOR.name,
    deepgram.VENDOR.name,
    azure.SPEECH.name,
)

# A value of ``FALLBACK_VOICE``, for the message that asks for one.
FALLBACK_EXAMPLE = f"{openai.VENDOR.name}:alloy"
# The same of ``FALLBACK_TRANSCRIBER`` and ``FALLBACK_MODEL``.
FALLBACK_TRANSCRIBER_EXAMPLE = f"{deepgram.VENDOR.name}:nova-3"
FALLBACK_MODEL_EXAMPLE = f"{openai.VENDOR.name}:gpt-4o"


def add(name: str, vendor: object) -> None:
    """Add a plugin's vendor for the whole process. The same one may be added twice.

    It must come before settings are read and schemas are made. Raises ``TypeError`` for an object
    that is not a vendor, ``ValueError`` for a name that is taken or invalid.
    """
    if not isinstance(vendor, Vendor):
        raise TypeError("it is not a Vendor")
    taken = {alias for each in VENDORS.values() if each is not vendor for alias in each.aliases}
    if taken & {name, *vendor.aliases}:
        raise ValueError(f"{name!r} or an alias of it is another vendor's name")
    if vendor.name != name:
        raise ValueError(f"the vendor is called {vendor.name!r}")
    if VENDORS.setdefault(name, vendor) is not vendor:
        raise ValueError(f"there is a vendor {name!r} already")


def name_of(provider: object) -> str:
    """Vapi's name of a ``provider``, which may be an alias. An unknown one stays as it is."""
    given = str(provider or "")
    if given in VENDORS:
        return given
    others = (name for name, vendor in VENDORS.items() if given in vendor.aliases)
    return next(others, given)


def named(config: Config) -> Config:
    """A ``model``, ``voice`` or ``transcriber`` with Vapi's name of its provider."""
    given = config.get("provider")
    name = name_of(given)
    is_alias = isinstance(given, str) and name != given
    return {**config, "provider": name} if is_alias else config


def with_account() -> dict[str, Vendor]:
    """Vendors with an account: variables of the operator, credentials of a client."""
    return {name: vendor for name, vendor in VENDORS.items() if vendor.env_prefix is not None}


def llm_parts() -> dict[str, LlmPart]:
    return {name: vendor.llm for name, vendor in VENDORS.items() if vendor.llm}


def stt_parts() -> dict[str, SttPart]:
    return {name: vendor.stt for name, vendor in VENDORS.items() if vendor.stt}


def speech_part(model: Config) -> SpeechPart | None:
    """The part of a ``model`` that hears and speaks by itself; None: it reads and writes texts."""
    vendor = VENDORS.get(name_of(model.get("provider")))
    part, name = vendor.speech if vendor else None, model.get("model")
    fits = part is not None and isinstance(name, str) and part.models.fullmatch(name)
    return part if fits else None


def tts_parts() -> dict[str, TtsPart]:
    return {name: vendor.tts for name, vendor in VENDORS.items() if vendor.tts}


def fallback_voices() -> dict[str, TtsPart]:
    """Voices that may replace an assistant's own, sorted by name."""
    gone = {name for name, vendor in VENDORS.items() if vendor.discontinued}
    return {
        name: part
        for name, part in sorted(tts_parts().items())
        if name not in gone and not part.server_in_assistant and not part.spoken_by_others
    }


def fallback_parts(stage: str, config: Config) -> Iterator[tuple[str, Config]]:
    """The path and the object of each part of a ``fallbackPlan``."""
    plan, name = config.get("fallbackPlan"), FALLBACK_PLANS.get(stage, "")
    found = plan.get(name) if isinstance(plan, Mapping) else None
    for number, part in enumerate(found if isinstance(found, list) else ()):
        if isinstance(part, Mapping):
            yield f"{stage}.fallbackPlan.{name}.{number}", part


def fallback_transcribers() -> dict[str, SttPart]:
    """Transcribers that may replace an assistant's own, sorted by name."""
    return {
        name: part for name, part in sorted(stt_parts().items()) if not part.server_in_assistant
    }


def fallback_models() -> dict[str, LlmPart]:
    """Models that may replace an assistant's own, sorted by name."""
    own = {name for name, part in llm_parts().items() if part.server_in_assistant}
    return {name: part for name, part in sorted(llm_parts().items()) if name not in own}


def field_problems(stage: str, config: Config) -> Iterator[tuple[str, str]]:
    """The wrong fields of a ``model``, ``voice`` or ``transcriber``, each with its reason."""
    vendor = VENDORS.get(name_of(config.get("provider")))
    part = vendor.part(stage) if vendor else None
    return problems(config, part.fields if part else {})


def local_programs() -> dict[str, Vendor]:
    """Vendors that are programs of this machine (``patchbay[local]``)."""
    return {name: vendor for name, vendor in VENDORS.items() if vendor.program}


def url_fields() -> set[str]:
    """The names of the credentials' fields that hold a URL."""
    return {vendor.credential.url for vendor in with_account().values()}


def key_fields() -> set[str]:
    """The names of the credentials' fields that hold another text."""
    texts = (vendor.credential.texts for vendor in with_account().values())
    return set().union(*texts) - url_fields()
