"""What a broken voice means for the call. Pure: nothing of the media engine is imported here."""

from __future__ import annotations

import re
from collections.abc import Mapping

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

NARROWER: Mapping[str, tuple[tuple[re.Pattern[str], EndedReason], ...]] = {
    "11labs": (
        (
            # "This request exceeds your quota of ...", error code quota_exceeded, or HTTP 402
            re.compile(r"quota|HTTP 402|not enough credits", re.IGNORECASE),
            EndedReason.PIPELINE_ERROR_ELEVEN_LABS_QUOTA_EXCEEDED,
        ),
        (
            # codes voice_not_found and voice_id_does_not_exist, "A voice with the voice_id ... does
            # not exist"; the voice is the only part of the address that can be unknown: HTTP 404
            re.compile(
                r"voice_?(id_)?(not_found|does_not_exist)|voice\b.*(does not exist|not found)|HTTP 404",
                re.IGNORECASE | re.DOTALL,
            ),
            EndedReason.PIPELINE_ERROR_ELEVEN_LABS_VOICE_NOT_FOUND,
        ),
    ),
}
"""Values of their own, by what the error says. https://help.elevenlabs.io/hc/en-us/articles/19572237925521"""

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
