"""Mistral's models. https://docs.mistral.ai/api"""

from __future__ import annotations

from pipecat.services.mistral.llm import MistralLLMService

from app.vendors.openai.llm import Chat


class Mistral(Chat, MistralLLMService):
    """One model of one call. pipecat's class leaves out the fields that Mistral refuses."""
