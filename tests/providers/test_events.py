"""The vocabulary: complete, explained, and spelt as Vapi's page spells it."""

from __future__ import annotations

import ast
import inspect
import re
from enum import StrEnum

import pytest

from providers.base.webhook import HookKind
from providers.events import LATER_REASONS, CallStatus, EndedReason, EventKind

STATUSES = ["queued", "ringing", "in-progress", "forwarding", "ended"]

# https://docs.vapi.ai/api-reference/calls/create, in its order: 56 values.
REASONS = [
    "assistant-error",
    "assistant-not-found",
    "db-error",
    "no-server-available",
    "pipeline-error-extra-function-failed",
    "pipeline-error-first-message-failed",
    "pipeline-error-function-filler-failed",
    "pipeline-error-function-failed",
    "pipeline-error-openai-llm-failed",
    "pipeline-error-azure-openai-llm-failed",
    "pipeline-error-together-ai-llm-failed",
    "pipeline-error-anyscale-llm-failed",
    "pipeline-error-openrouter-llm-failed",
    "pipeline-error-perplexity-ai-llm-failed",
    "pipeline-error-deepinfra-llm-failed",
    "pipeline-error-runpod-llm-failed",
    "pipeline-error-groq-llm-failed",
    "pipeline-error-anthropic-llm-failed",
    "pipeline-error-openai-voice-failed",
    "pipeline-error-deepgram-transcriber-failed",
    "pipeline-error-deepgram-voice-failed",
    "pipeline-error-eleven-labs-voice-failed",
    "pipeline-error-eleven-labs-voice-not-found",
    "pipeline-error-eleven-labs-quota-exceeded",
    "pipeline-error-playht-voice-failed",
    "pipeline-error-lmnt-voice-failed",
    "pipeline-error-azure-voice-failed",
    "pipeline-error-rime-ai-voice-failed",
    "pipeline-error-neets-voice-failed",
    "pipeline-no-available-llm-model",
    "server-shutdown",
    "twilio-failed-to-connect-call",
    "unknown-error",
    "vonage-disconnected",
    "vonage-failed-to-connect-call",
    "assistant-not-invalid",
    "assistant-not-provided",
    "assistant-request-returned-error",
    "assistant-request-returned-invalid-assistant",
    "assistant-request-returned-no-assistant",
    "assistant-request-returned-forwarding-phone-number",
    "assistant-ended-call",
    "assistant-said-end-call-phrase",
    "assistant-forwarded-call",
    "assistant-join-timed-out",
    "customer-busy",
    "customer-ended-call",
    "customer-did-not-answer",
    "customer-did-not-give-microphone-permission",
    "exceeded-max-duration",
    "manually-canceled",
    "phone-call-provider-closed-websocket",
    "pipeline-error-custom-llm-llm-failed",
    "silence-timed-out",
    "voicemail",
    "vonage-rejected",
]

ENUMS: list[type[StrEnum]] = [CallStatus, EndedReason, EventKind, HookKind]


def sentences(enum: type[StrEnum]) -> dict[str, str]:
    """Name of each member -> the string literal that follows it in the source."""
    (class_,) = ast.parse(inspect.getsource(enum)).body
    assert isinstance(class_, ast.ClassDef)
    found: dict[str, str] = {}
    for member, follower in zip(class_.body, [*class_.body[1:], None], strict=True):
        if isinstance(member, ast.Assign) and isinstance(member.targets[0], ast.Name):
            text = follower.value if isinstance(follower, ast.Expr) else None
            found[member.targets[0].id] = str(text.value) if isinstance(text, ast.Constant) else ""
    return found


@pytest.mark.parametrize("enum", ENUMS, ids=lambda enum: enum.__name__)
def test_every_value_has_a_sentence(enum: type[StrEnum]) -> None:
    found = sentences(enum)
    assert list(found) == [member.name for member in enum]
    for name, text in found.items():
        assert text.endswith((".", ".)")), f"{enum.__name__}.{name} has no sentence"


@pytest.mark.parametrize("enum", ENUMS, ids=lambda enum: enum.__name__)
def test_no_two_values_have_the_same_sentence(enum: type[StrEnum]) -> None:
    texts = list(sentences(enum).values())
    assert len(set(texts)) == len(texts)


def test_the_statuses_of_the_page_in_their_order() -> None:
    later = {CallStatus.SCHEDULED}  # of a newer page
    assert [status.value for status in CallStatus if status not in later] == STATUSES


def test_the_reasons_of_the_page_and_those_it_lacks() -> None:
    assert len(REASONS) == 56
    assert [reason.value for reason in EndedReason] == [*REASONS, *LATER_REASONS]


def test_a_later_reason_has_one_of_the_page_that_stands_for_it() -> None:
    assert {older for older in LATER_REASONS.values() if older} <= set(REASONS)


@pytest.mark.parametrize("enum", [CallStatus, EndedReason], ids=lambda enum: enum.__name__)
def test_names_are_the_values_spelt_in_python(enum: type[StrEnum]) -> None:
    shortened = {EndedReason.NO_CALL_RECEIVED}
    for member in set(enum) - shortened:
        assert member.name == re.sub("[-.]", "_", member.value).upper()
