"""Gemini's models, by OpenAI's chat completions.

https://ai.google.dev/gemini-api/docs/openai
"""

from __future__ import annotations

from typing import Any

from pipecat.adapters.llm.services.open_ai_adapter import OpenAILLMInvocationParams

from app.vendors.openai.llm import Chat

# Stands for the model's own thoughts about a tool's call, which no chunk of the stream has to keep.
# Gemini 3 refuses a call without one. https://ai.google.dev/gemini-api/docs/thought-signatures
UNSIGNED = {"google": {"thought_signature": "skip_thought_signature_validator"}}


class Gemini(Chat):
    """One model of one call."""

    def build_chat_completion_params(
        self, params_from_context: OpenAILLMInvocationParams
    ) -> dict[str, Any]:
        """Called by the base class. The tools' calls of earlier turns are marked."""
        params: dict[str, Any] = super().build_chat_completion_params(params_from_context)
        params["messages"] = [_marked(each) for each in params["messages"]]
        return params


def _marked(message: dict[str, Any]) -> dict[str, Any]:
    calls = message.get("tool_calls")
    if not calls:
        return message
    return {**message, "tool_calls": [{"extra_content": UNSIGNED, **each} for each in calls]}
