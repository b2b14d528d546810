"""Perplexity's models. https://docs.perplexity.ai/api-reference/chat-completions-post"""

from __future__ import annotations

from pipecat.adapters.llm.services.perplexity_adapter import PerplexityLLMAdapter

from app.vendors.openai.llm import Chat


class Perplexity(Chat):
    """Joins consecutive messages of one role, which Perplexity refuses."""

    adapter_class = PerplexityLLMAdapter
