"""Which endedReason a failure of a vendor is. Pure: the engine's errors come in as words."""

from __future__ import annotations

from enum import Enum

from app.assistants.local.vendors import models, transcribers, voice_failures
from providers.events import EndedReason


class Stage(Enum):
    """Whose failure it is."""

    MODEL = "model"
    VOICE = "voice"
    TRANSCRIBER = "transcriber"


TOLERATED = {
    Stage.MODEL: 1,  # its SDK has tried again already
    Stage.VOICE: 2,  # one sentence may fail and the next be spoken
    Stage.TRANSCRIBER: 3,  # it reconnects, and says so each time
}
"""How many errors of a stage end the call; one that cannot go on does so at once."""


def reason(stage: Stage, provider: str, text: str = "", category: str = "") -> EndedReason:
    """``provider``: Vapi's name; ``text``, ``category``: of the engine's error."""
    if stage is Stage.MODEL:
        return models.FAILED.get(provider, EndedReason.ASSISTANT_ERROR)
    if stage is Stage.VOICE:
        return voice_failures.voice_failure(provider, text, category)
    return transcribers.transcriber_failure(provider)


def unbuildable(stage: Stage, provider: str) -> EndedReason:
    """Nothing can be made of what the assistant asks for."""
    if stage is Stage.MODEL:
        return EndedReason.PIPELINE_NO_AVAILABLE_LLM_MODEL
    return reason(stage, provider)
