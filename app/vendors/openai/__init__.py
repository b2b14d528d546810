"""OpenAI, and the vendors that use its protocol.

https://platform.openai.com/docs/api-reference
"""

from __future__ import annotations

import re
from typing import Any

from app.vendors.common.field import of_kinds
from app.vendors.common.vendor import (
    CredentialFields,
    LlmPart,
    SpeechPart,
    SttPart,
    TtsPart,
    Vendor,
)
from providers.events import EndedReason

ADDRESS = "https://api.openai.com/v1"
CHAT = f"{__name__}.llm:Chat"
ONE_SHOT = f"{__name__}.one_shot"
SPEECH = f"{__name__}.tts:make"
# Its models that refuse a temperature and reason within their tokens.
REASONING = re.compile(r"o\d|gpt-5(?!.*chat)")
# ``max_tokens`` was renamed; newer models refuse the old name.
MAX_TOKENS_FIELD = "max_completion_tokens"

VOICE_FIELDS = of_kinds(voiceId=str, model=str, speed=float, instructions=str)

TRANSCRIBER_FIELDS = of_kinds(model=str, language=str)

# Models that hear and speak, and their voices.
# https://platform.openai.com/docs/guides/realtime
REALTIME = re.compile(r"gpt-(4o-(mini-)?)?realtime(-.*)?")
REALTIME_VOICES = (
    *("marin", "cedar", "alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse"),
)

VENDOR = Vendor(
    name="openai",
    env_prefix="OPENAI",
    llm=LlmPart(
        make=f"{__name__}.llm:OpenAI",
        one_shot=ONE_SHOT,
        address=ADDRESS,
        failed=EndedReason.PIPELINE_ERROR_OPENAI_LLM_FAILED,
        model="gpt-4o",
        reasoning=REASONING,
        max_tokens_field=MAX_TOKENS_FIELD,
    ),
    stt=SttPart(make=f"{__name__}.stt:make", fields=TRANSCRIBER_FIELDS, address=ADDRESS),
    tts=TtsPart(
        make=SPEECH,
        failed=EndedReason.PIPELINE_ERROR_OPENAI_VOICE_FAILED,
        fields=VOICE_FIELDS,
        similar=f"{__name__}.similar:similar",
    ),
    speech=SpeechPart(
        make=f"{__name__}.realtime:make",
        models=REALTIME,
        voices=REALTIME_VOICES,
        fields=of_kinds(voiceId=str, speed=float),
        model_fields=frozenset({"maxTokens", "reasoningEffort"}),
        transcriber_fields=frozenset({"language"}),
    ),
)


def chat_part(address: str | None, *, make: str = CHAT, **more: Any) -> LlmPart:
    """Models with OpenAI's chat completions. ``address``: their base URL; ``more``: of LlmPart."""
    # Vapi has no ended reason of the 56 for most of these vendors.
    failed = more.pop("failed", EndedReason.PIPELINE_NO_AVAILABLE_LLM_MODEL)
    return LlmPart(make=make, one_shot=ONE_SHOT, address=address, failed=failed, **more)


def compatible(
    name: str, env_prefix: str, failed: EndedReason, address: str | None = None, **more: Any
) -> Vendor:
    """A vendor of models with OpenAI's chat completions. ``address``: its base URL."""
    return Vendor(name=name, env_prefix=env_prefix, llm=chat_part(address, failed=failed, **more))


def discontinued(
    name: str,
    env_prefix: str,
    failed: EndedReason,
    *user_fields: str,
    why: str = "is out of business",
) -> Vendor:
    """A voice vendor that cannot be had: its name stands for an address with OpenAI's requests.

    ``user_fields``: what its credentials must hold beside the key. ``why``: after its name.
    """
    variables = {each: f"{env_prefix}_{_upper(each)}" for each in user_fields}
    return Vendor(
        name=name,
        env_prefix=env_prefix,
        extra_variables=variables,
        credential=CredentialFields(shown=user_fields, required=user_fields),
        discontinued="OpenAI's speech requests",
        why_discontinued=why,
        tts=TtsPart(make=SPEECH, failed=failed, fields=VOICE_FIELDS),
    )


def _upper(field: str) -> str:
    """``userId`` -> ``USER_ID``."""
    return re.sub("([A-Z])", r"_\1", field).upper()
