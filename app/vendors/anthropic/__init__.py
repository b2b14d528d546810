"""Anthropic: models. https://docs.anthropic.com/en/api/messages"""

from __future__ import annotations

from app.vendors.common.vendor import LlmPart, Vendor
from providers.events import EndedReason

VENDOR = Vendor(
    name="anthropic",
    env_prefix="ANTHROPIC",
    llm=LlmPart(
        make=f"{__name__}.llm:Anthropic",
        one_shot=f"{__name__}.one_shot",
        address="https://api.anthropic.com",
        failed=EndedReason.PIPELINE_ERROR_ANTHROPIC_LLM_FAILED,
        temperature=None,  # current models have none
        user_first=True,
    ),
)
