"""The ended reasons of Vapi's page, and why some cannot be caused from outside."""

from __future__ import annotations

FAILING_MODELS = (
    "openai",
    "azure-openai",
    "together-ai",
    "anyscale",
    "openrouter",
    "perplexity-ai",
    "deepinfra",
    "runpod",
    "groq",
    "anthropic",
)
FAILING_VOICES = (
    "openai",
    "deepgram",
    "eleven-labs",
    "playht",
    "lmnt",
    "azure",
    "rime-ai",
    "neets",
)

UNREACHABLE: dict[str, tuple[tuple[str, ...], str]] = {
    # a name for the row: its reasons, and what they would need
    "models": (
        (
            *(f"pipeline-error-{name}-llm-failed" for name in FAILING_MODELS),
            "pipeline-no-available-llm-model",
        ),
        "needs a vendor's model that fails",
    ),
    "voices": (
        (
            *(f"pipeline-error-{name}-voice-failed" for name in FAILING_VOICES),
            "pipeline-error-eleven-labs-voice-not-found",
            "pipeline-error-eleven-labs-quota-exceeded",
            "pipeline-error-first-message-failed",
            "pipeline-error-function-filler-failed",
        ),
        "needs a vendor's voice that fails",
    ),
    "transcriber": (
        ("pipeline-error-deepgram-transcriber-failed",),
        "needs a vendor's transcriber that fails",
    ),
    "tools": (
        ("pipeline-error-extra-function-failed", "pipeline-error-function-failed"),
        "needs a model that calls tools",
    ),
    "assistant": (("assistant-error",), "needs an assistant whose own code fails"),
    "storage": (("db-error",), "needs a store that fails"),
    "capacity": (("no-server-available",), "needs a server at its limit of calls"),
    "validity": (
        ("assistant-not-invalid",),
        "needs a stored assistant that was valid and is not any more",
    ),
    "number-hooks": (
        tuple(
            f"call.{moment}.hook-executed-{action}"
            for moment in ("ringing", "ending")
            for action in ("say", "transfer")
        ),
        "needs a phone number with hooks: they came to Vapi's page later",
    ),
    "browser": (
        ("customer-did-not-give-microphone-permission",),
        "needs a browser: it is a reason of web calls",
    ),
}

ASKED = (
    "assistant-ended-call",
    "assistant-not-found",
    "assistant-not-provided",
    "assistant-request-returned-error",
    "assistant-request-returned-forwarding-phone-number",
    "assistant-request-returned-invalid-assistant",
    "assistant-request-returned-no-assistant",
    "assistant-forwarded-call",
    "assistant-join-timed-out",
    "assistant-said-end-call-phrase",
    "customer-busy",
    "customer-did-not-answer",
    "customer-ended-call",
    "exceeded-max-duration",
    "manually-canceled",
    "phone-call-provider-bypass-enabled-but-no-call-received",
    "phone-call-provider-closed-websocket",
    "pipeline-error-custom-llm-llm-failed",
    "server-shutdown",
    "silence-timed-out",
    "twilio-failed-to-connect-call",
    "unknown-error",
    "voicemail",
    "vonage-disconnected",
    "vonage-failed-to-connect-call",
    "vonage-rejected",
)
"""Those with a row that causes them."""

ALL = frozenset(ASKED).union(*(reasons for reasons, _ in UNREACHABLE.values()))
