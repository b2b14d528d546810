"""A client's own servers for models, voices and transcribers. Vapi has a name for each."""

from __future__ import annotations

from app.vendors import openai
from app.vendors.common.address import ENDPOINT
from app.vendors.common.vendor import LlmPart, SttPart, TtsPart, Vendor
from providers.events import EndedReason

LLM = Vendor(
    name="custom-llm",
    env_prefix="CUSTOM_LLM",
    form=ENDPOINT,
    llm=LlmPart(
        make=openai.CHAT,
        one_shot=openai.ONE_SHOT,
        failed=EndedReason.PIPELINE_ERROR_CUSTOM_LLM_LLM_FAILED,
        server_in_assistant=True,
        model="default",
    ),
)
VOICE = Vendor(
    name="custom-voice",
    tts=TtsPart(make=f"{__name__}.tts:make", needs_account=False, server_in_assistant=True),
)
TRANSCRIBER = Vendor(
    name="custom-transcriber",
    stt=SttPart(make=f"{__name__}.stt:make", server_in_assistant=True),
)
