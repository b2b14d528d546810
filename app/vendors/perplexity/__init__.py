"""Perplexity: models. https://docs.perplexity.ai/guides/chat-completions-guide"""

from __future__ import annotations

from app.vendors import openai
from app.vendors.common.vendor import LlmPart, Vendor
from providers.events import EndedReason

VENDOR = Vendor(
    name="perplexity-ai",
    aliases=("perplexity",),
    env_prefix="PERPLEXITY",
    llm=LlmPart(
        make=f"{__name__}.llm:Perplexity",
        one_shot=openai.ONE_SHOT,
        address="https://api.perplexity.ai",
        failed=EndedReason.PIPELINE_ERROR_PERPLEXITY_AI_LLM_FAILED,
        user_first=True,
    ),
)
