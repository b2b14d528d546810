"""Assistants of the tests of the form."""

from __future__ import annotations

from typing import Any

FULL: dict[str, Any] = {
    "name": "Bakery",
    "firstMessage": "Hello.\nWhat would you like?",
    "firstMessageMode": "assistant-waits-for-user",
    "model": {
        "provider": "openai",
        "model": "gpt-4o",
        "temperature": 0.70,
        "maxTokens": 250,
        "messages": [
            {"role": "user", "content": "before"},
            {"role": "system", "content": "Be brief.\r\nBe kind.", "x-own": 1},
        ],
        "toolIds": ["5f0f3a3e-0b3c-4b0e-9d7d-0f4f5a6b7c8d"],
        "tools": [
            {"type": "function", "function": {"name": "order"}, "server": {"url": "https://a.com"}},
            {"type": "endCall"},
            {
                "type": "transferCall",
                "function": {"name": "transfer"},
                "destinations": [
                    {"type": "number", "number": "+14155550100", "message": "One moment.", "x": 1},
                    {"type": "assistant", "assistantName": "Night"},
                    {"type": "sip", "sipUri": "sip:desk@example.com", "description": "the desk"},
                ],
            },
        ],
        "fallbackModels": [{"provider": "groq", "model": "llama"}],
    },
    "voice": {"provider": "11labs", "voiceId": "sarah", "stability": 0.5, "speed": 1},
    "transcriber": {"provider": "deepgram", "model": "nova-3", "language": "en"},
    "serverUrl": "https://shop.example.com/calls",
    "endCallMessage": "Goodbye.",
    "endCallPhrases": ["goodbye", "have a nice day"],
    "maxDurationSeconds": 600,
    "silenceTimeoutSeconds": 30.5,
    "recordingEnabled": False,
    "voicemailDetection": {"provider": "vapi", "backoffPlan": {"maxRetries": 6}},
    "voicemailMessage": "Please call back.",
    "observabilityPlan": {"tags": ["a"]},
    "metadata": {"a": [1, {"b": None}]},
}
"""Each field of the form, in one spelling or another, among others that it does not know."""

ODD: dict[str, Any] = {
    "name": 5,
    "firstMessage": ["a"],
    "model": "gpt-4o",
    "voice": {"provider": None, "voiceId": 7, "speed": True},
    "transcriber": [],
    "server": "https://example.com",
    "endCallPhrases": ["a", 1],
    "maxDurationSeconds": "600",
    "artifactPlan": {"recordingEnabled": "yes"},
    "voicemailDetection": "off",
}
"""Values of other types than Vapi's."""
