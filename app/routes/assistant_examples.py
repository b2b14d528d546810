"""Examples for the OpenAPI document: of single fields of an assistant, a whole one, and a call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.common.json_types import JsonDict, JsonObject

EXAMPLES: Mapping[str, Any] = {
    # what is said
    "firstMessage": "Hello, this is the bakery. What would you like?",
    "firstMessageMode": "assistant-speaks-first",
    "firstMessageInterruptionsEnabled": True,
    "endCallMessage": "Thank you, goodbye.",
    "endCallPhrases": ["goodbye", "have a nice day"],
    "voicemailMessage": "This is the bakery. Please call us back.",
    "variableValues": {"name": "Ada"},
    # when the call ends
    "maxDurationSeconds": 600,
    "silenceTimeoutSeconds": 30,
    "endCallFunctionEnabled": True,
    # the model
    "model.model": "gpt-4o",
    "model.temperature": 0.5,
    "model.maxTokens": 250,
    "model.messages.role": "system",
    "model.messages.content": "You take orders for bread. Be brief.",
    "model.systemPrompt": "You take orders for bread. Be brief.",
    "model.toolIds": ["5f0f3a3e-0b3c-4b0e-9d7d-0f4f5a6b7c8d"],
    "model.url": "https://models.example.com/v1",
    "model.timeoutSeconds": 20,
    "model.reasoningEffort": "low",
    "model.tools.type": "function",
    "model.tools.async": False,
    "model.tools.url": "https://shop.example.com/orders",
    "model.tools.method": "POST",
    "model.tools.destinations.type": "number",
    "model.tools.destinations.number": "+14155550199",
    "model.tools.destinations.message": "I am connecting you.",
    # the voice
    "voice.voiceId": "sarah",
    "voice.model": "eleven_flash_v2_5",
    "voice.speed": 1.0,
    "voice.stability": 0.5,
    "voice.similarityBoost": 0.75,
    # the transcriber
    "transcriber.model": "nova-3",
    "transcriber.language": "en",
    "transcriber.languages": ["en", "de"],
    "transcriber.smartFormat": True,
    "transcriber.endpointing": 300,
    "transcriber.keyterm": ["sourdough"],
    "transcriber.keywords": ["sourdough:2"],
    # turns
    "startSpeakingPlan.waitSeconds": 0.4,
    "stopSpeakingPlan.numWords": 0,
    "stopSpeakingPlan.voiceSeconds": 0.2,
    "stopSpeakingPlan.backoffSeconds": 1.0,
    # what the line sounds like
    "backgroundSound": "off",
    # keys
    "keypadInputPlan.enabled": True,
    "keypadInputPlan.timeoutSeconds": 2,
    # silence
    "messagePlan.idleMessages": ["Are you still there?"],
    "messagePlan.idleTimeoutSeconds": 10,
    "messagePlan.idleMessageMaxSpokenCount": 3,
    # what is kept and sent
    "artifactPlan.recordingEnabled": True,
    "artifactPlan.structuredOutputIds": ["7a0b1c2d-3e4f-4a5b-8c6d-7e8f9a0b1c2d"],
    "serverMessages": ["status-update", "end-of-call-report"],
    "credentialIds": ["1b2c3d4e-5f60-4718-8293-a4b5c6d7e8f9"],
    "analysisPlan.minMessagesThreshold": 2,
    "analysisPlan.summaryPlan.enabled": True,
    "analysisPlan.successEvaluationPlan.rubric": "PassFail",
    "monitorPlan.listenEnabled": True,
    "monitorPlan.controlEnabled": True,
    "compliancePlan.hipaaEnabled": False,
    "voicemailDetection.enabled": True,
}
"""By the field's path. The type of an example is that of the field."""

ASSISTANT: JsonObject = {
    "name": "Bakery",
    "firstMessage": "Hello, this is the bakery. What would you like?",
    "model": {
        "provider": "openai",
        "model": "gpt-4o",
        "messages": [{"role": "system", "content": "You take orders for bread. Be brief."}],
    },
    "voice": {"provider": "11labs", "voiceId": "sarah"},
    "transcriber": {"provider": "deepgram", "model": "nova-3", "language": "en"},
    "startSpeakingPlan": {
        "customEndpointingRules": [{"type": "assistant", "regex": "number", "timeoutSeconds": 3}]
    },
    "hooks": [
        {
            "on": "call.timeElapsed",
            "options": {"seconds": 540},
            "do": [{"type": "say", "exact": "We have a minute left."}],
        }
    ],
    "endCallPhrases": ["goodbye"],
    "silenceTimeoutSeconds": 30,
    "maxDurationSeconds": 600,
    "server": {"url": "https://shop.example.com/calls"},
}

CALL: JsonDict = {
    "phoneCallProviderBypassEnabled": True,
    "phoneNumberId": "9d0c1b2a-3f4e-4d5c-8b6a-7f8e9d0c1b2a",
    "customer": {"number": "+14155550123"},
    "assistant": ASSISTANT,
}
