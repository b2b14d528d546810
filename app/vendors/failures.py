"""The ended reason of a vendor's failure. Pure: pipecat's errors come in as words."""

from __future__ import annotations

from app.vendors import registry
from providers.events import EndedReason

# ``ErrorCategory.QUOTA.value`` of pipecat.
QUOTA = "quota"


def model_failure(provider: str) -> EndedReason:
    """The ended reason of a model that failed. ``provider``: Vapi's name."""
    part = registry.llm_parts().get(provider)
    return part.failed if part else EndedReason.ASSISTANT_ERROR


def transcriber_failure(provider: str) -> EndedReason:
    """The ended reason of a transcriber that failed for good."""
    part = registry.stt_parts().get(provider)
    return part.failed if part else EndedReason.ASSISTANT_ERROR


def voice_failure(provider: str, text: str, category: str = "unknown") -> EndedReason:
    """The ended reason of a voice that failed.

    ``text``: the error as the voice reported it. ``category``: the value of pipecat's
    ``ErrorCategory``.
    """
    part = registry.tts_parts().get(provider)
    if part is None:
        return EndedReason.ASSISTANT_ERROR
    if category == QUOTA:
        text = f"{QUOTA}: {text}"
    fits = (reason for pattern, reason in part.causes if pattern.search(text))
    return next(fits, part.failed)
