"""The settings of a model that takes none of pipecat's. Imports pipecat: load it lazily."""

from __future__ import annotations

from pipecat.services.settings import LLMSettings


def no_settings(model: str) -> LLMSettings:
    """Nothing is sent of them: the service knows its own."""
    return LLMSettings(
        model=model,
        system_instruction=None,
        temperature=None,
        max_tokens=None,
        top_p=None,
        top_k=None,
        frequency_penalty=None,
        presence_penalty=None,
        seed=None,
        filter_incomplete_user_turns=False,
        user_turn_completion_config=None,
    )
