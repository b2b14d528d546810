"""Which endedReason a failure of a vendor is. Pure: the engine's errors come in as words."""

from __future__ import annotations

import re

from app.assistants.local.services import Stage
from app.vendors import failures
from providers.events import EndedReason

MAX_ERROR_TEXT = 300
"""Characters of an error."""
HEADERS = re.compile(r"headers: \{[^{}]*\}, ")


def reason(stage: Stage, provider: str, text: str = "", category: str = "") -> EndedReason:
    """``provider``: Vapi's name; ``text``, ``category``: of the engine's error."""
    if stage is Stage.MODEL:
        return failures.model_failure(provider)
    if stage is Stage.VOICE:
        return failures.voice_failure(provider, text, category)
    return failures.transcriber_failure(provider)


def unbuildable(stage: Stage, provider: str) -> EndedReason:
    """Nothing can be made of what the assistant asks for."""
    if stage is Stage.MODEL:
        return EndedReason.PIPELINE_NO_AVAILABLE_LLM_MODEL
    return reason(stage, provider)


def message(stage: Stage, provider: str, text: str) -> str:
    """What the operator reads of a failure: a vendor's SDK puts its request's headers before the
    status."""
    return f"{provider} ({stage.value}): {HEADERS.sub('', text)[:MAX_ERROR_TEXT].strip()}"
