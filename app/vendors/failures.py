"""What a broken voice means for the call. Pure: nothing of the media engine is imported here."""

from __future__ import annotations

from collections.abc import Mapping

from app.vendors.elevenlabs.tts import NARROWER
from providers.events import EndedReason

FAILED: Mapping[str, EndedReason] = {
    "openai": EndedReason.PIPELINE_ERROR_OPENAI_VOICE_FAILED,
    "deepgram": EndedReason.PIPELINE_ERROR_DEEPGRAM_VOICE_FAILED,
    "11labs": EndedReason.PIPELINE_ERROR_ELEVEN_LABS_VOICE_FAILED,
    "playht": EndedReason.PIPELINE_ERROR_PLAYHT_VOICE_FAILED,
    "lmnt": EndedReason.PIPELINE_ERROR_LMNT_VOICE_FAILED,
    "azure": EndedReason.PIPELINE_ERROR_AZURE_VOICE_FAILED,
    "rime-ai": EndedReason.PIPELINE_ERROR_RIME_AI_VOICE_FAILED,
    "neets": EndedReason.PIPELINE_ERROR_NEETS_VOICE_FAILED,
}
"""By Vapi's provider name. The others (cartesia, custom-voice, embedded) have no value among the 56."""


QUOTA = "quota"
"""``ErrorCategory.QUOTA.value`` of the media engine."""


def voice_failure(provider: str, text: str, category: str = "unknown") -> EndedReason:
    """The ended reason of a voice that failed.

    ``provider``: Vapi's name. ``text``: the error as the voice reported it. ``category``: the
    value of the media engine's ``ErrorCategory``.
    """
    narrower = NARROWER.get(provider, ())
    if category == QUOTA:
        text = f"{QUOTA}: {text}"
    for pattern, reason in narrower:
        if pattern.search(text):
            return reason
    return FAILED.get(provider, EndedReason.ASSISTANT_ERROR)
