"""Mistral: models. Vapi's page has no ended reason of theirs. https://docs.mistral.ai/api"""

from __future__ import annotations

from app.vendors.common.vendor import Vendor
from app.vendors.openai import chat_part

VENDOR = Vendor(
    name="mistral",
    env_prefix="MISTRAL",
    llm=chat_part("https://api.mistral.ai/v1", make=f"{__name__}.llm:Mistral"),
)
