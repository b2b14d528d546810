"""Azure: OpenAI's models, Speech's voices and transcriber, and Microsoft's own ones. Vapi has a name for each."""

from __future__ import annotations

from app.vendors.common.field import of_kinds
from app.vendors.common.vendor import CredentialFields, LlmPart, SttPart, TtsPart, Vendor
from app.vendors.openai import MAX_TOKENS_FIELD, REASONING
from providers.events import EndedReason

# Each resource has an address of its own.
FIELDS = of_kinds(voiceId=str, model=str, speed=float)
TRANSCRIBER_FIELDS = of_kinds(language=str)
MICROSOFT_FIELDS = of_kinds(voiceId=str, style=str, styleDegree=float, role=str, speed=float)

OPENAI = Vendor(
    name="azure-openai",
    env_prefix="AZURE_OPENAI",
    extra_variables={"apiVersion": "AZURE_OPENAI_API_VERSION"},
    credential=CredentialFields(
        key="openAIKey",
        url="openAIEndpoint",
        shown=("region", "apiVersion"),
        sealed=("ocpApimSubscriptionKey",),
        lists=("models",),
        required=("openAIEndpoint",),
    ),
    llm=LlmPart(
        make=f"{__name__}.llm:Azure",
        one_shot=f"{__name__}.one_shot",
        failed=EndedReason.PIPELINE_ERROR_AZURE_OPENAI_LLM_FAILED,
        reasoning=REASONING,
        max_tokens_field=MAX_TOKENS_FIELD,
        headers={"ocpApimSubscriptionKey": "Ocp-Apim-Subscription-Key"},
    ),
)

SPEECH = Vendor(
    name="azure",
    env_prefix="AZURE_SPEECH",
    extra_variables={"region": "AZURE_SPEECH_REGION"},
    credential=CredentialFields(shown=("service", "region")),
    stt=SttPart(
        make=f"{__name__}.stt:make",
        fields=TRANSCRIBER_FIELDS,
        address="https://{region}.stt.speech.microsoft.com",
    ),
    tts=TtsPart(
        make=f"{__name__}.tts:make",
        similar=f"{__name__}.similar:similar",
        fields=FIELDS,
        failed=EndedReason.PIPELINE_ERROR_AZURE_VOICE_FAILED,
        needs_region=True,
    ),
)

MICROSOFT = Vendor(
    name="microsoft",
    env_prefix="MICROSOFT_SPEECH",
    extra_variables={"region": "MICROSOFT_SPEECH_REGION"},
    credential=CredentialFields(shown=("region",)),
    tts=TtsPart(make=f"{__name__}.tts:make", fields=MICROSOFT_FIELDS, needs_region=True),
)

# The last dated version.
# https://learn.microsoft.com/azure/ai-services/openai/api-version-deprecation
API_VERSION = "2025-04-01-preview"
# An endpoint with this ending has no dated versions, and is used like OpenAI's.
UNDATED = "/openai/v1"
