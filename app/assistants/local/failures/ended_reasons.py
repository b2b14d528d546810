"""The endedReason of a vendor's failure. Pure: pipecat's errors come in as words."""

from __future__ import annotations

import re

from app.assistants.local.services import Stage
from app.vendors import failures
from app.vendors.common.errors import MAX_ERROR_TEXT
from providers.events import EndedReason

HEADERS = re.compile(r"headers: \{[^{}]*\}, ")


def reason(stage: Stage, provider: str, text: str = "", category: str = "") -> EndedReason:
    """The reason. ``provider``: Vapi's name; ``text``, ``category``: of pipecat's error."""
    if stage is Stage.MODEL:
        return failures.model_failure(provider)
    if stage is Stage.VOICE:
        return failures.voice_failure(provider, text, category)
    return failures.transcriber_failure(provider)


def unbuildable(stage: Stage, provider: str) -> EndedReason:
    """The reason for a service that cannot be built."""
    if stage is Stage.MODEL:
        return EndedReason.PIPELINE_NO_AVAILABLE_LLM_MODEL
    return reason(stage, provider)


def message(stage: Stage, provider: str, text: str) -> str:
    """The error for the operator, without the request headers that some SDKs put in front."""
    return f"{provider} ({stage.value}): {clean(text)}"


def clean(text: str) -> str:
    """An error's text within bounds, without headers that hold a key."""
    return HEADERS.sub("", text)[:MAX_ERROR_TEXT].strip()
