"""What an error of a voice ends the call with."""

from __future__ import annotations

import pytest

from app.vendors.failures import QUOTA, voice_failure
from app.vendors.registry import tts_parts
from providers.events import EndedReason

FAILED = {
    name: part.failed
    for name, part in tts_parts().items()
    if part.failed is not EndedReason.ASSISTANT_ERROR
}
"""Vendors with a value of their own."""

CASES = [
    ("openai", "no sound: HTTP 401: bad key", "authentication", "openai-voice-failed"),
    ("deepgram", "TTS context 1 completed with no audio", "unknown", "deepgram-voice-failed"),
    ("playht", "playht is out of business", "unknown", "playht-voice-failed"),
    ("lmnt", "lmnt is out of business", "unknown", "lmnt-voice-failed"),
    ("neets", "neets is out of business", "unknown", "neets-voice-failed"),
    ("azure", "no sound: HTTP 429: too many", "rate_limit", "azure-voice-failed"),
    ("rime-ai", "connection closed, but with an error", "unknown", "rime-ai-voice-failed"),
    # the code alone, as it is found in the message
    ("11labs", "voice_id_does_not_exist: ", "unknown", "eleven-labs-voice-not-found"),
    ("11labs", "voice_not_found: ", "unknown", "eleven-labs-voice-not-found"),
    # the words alone, as they are found in the close reason
    (
        "11labs",
        "A voice with the voice_id 'x' does not exist.",
        "unknown",
        "eleven-labs-voice-not-found",
    ),
    # the handshake: nothing but the voice can be unknown in its address
    (
        "11labs",
        "server rejected WebSocket connection: HTTP 404",
        "invalid_request",
        "eleven-labs-voice-not-found",
    ),
    ("11labs", "quota_exceeded: You have 0 credits", "unknown", "eleven-labs-quota-exceeded"),
    ("11labs", "This request exceeds your quota of 10", "unknown", "eleven-labs-quota-exceeded"),
    # by the engine's word, whatever the text
    ("11labs", "server rejected", QUOTA, "eleven-labs-quota-exceeded"),
    # a rate is no quota
    ("11labs", "HTTP 429", "rate_limit", "eleven-labs-voice-failed"),
    ("11labs", "HTTP 401", "authentication", "eleven-labs-voice-failed"),
    # its names mean nothing elsewhere
    ("deepgram", "quota_exceeded", QUOTA, "deepgram-voice-failed"),
]


@pytest.mark.parametrize(("provider", "text", "category", "reason"), CASES)
def test_reason(provider: str, text: str, category: str, reason: str) -> None:
    assert voice_failure(provider, text, category) == f"pipeline-error-{reason}"


@pytest.mark.parametrize("provider", sorted(set(tts_parts()) - set(FAILED)))
def test_a_vendor_without_a_value_of_its_own_is_the_assistants_error(provider: str) -> None:
    assert voice_failure(provider, "no sound") is EndedReason.ASSISTANT_ERROR


def test_every_value_is_that_of_a_vendor_there_is() -> None:
    values = {r for r in EndedReason if r.endswith("-voice-failed")}
    assert set(FAILED.values()) == values


def test_quota_is_the_engines_word() -> None:
    from pipecat.utils.errors import ErrorCategory

    assert ErrorCategory.QUOTA.value == QUOTA
