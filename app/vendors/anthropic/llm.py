"""Anthropic's models. The SDK takes seconds to import, so only a call with such a model does it.

https://docs.anthropic.com/en/api/messages
"""

from __future__ import annotations

from typing import Any

from anthropic import AsyncAnthropic
from pipecat.services.anthropic.llm import AnthropicLLMService

from app.net.httpx_client import make_client
from app.vendors.anthropic.answer import MESSAGES_ANSWER
from app.vendors.common.checked_answer import checked
from app.vendors.common.clean_text import CleanModel
from app.vendors.common.llm_spec import MAX_TOKENS, Spec
from app.vendors.common.pipecat_workarounds import ClosesClient

# Vapi's limit is 2.
MAX_TEMPERATURE = 1.0


class Anthropic(ClosesClient, CleanModel, AnthropicLLMService):
    """One model of one call."""

    def __init__(self, spec: Spec) -> None:
        client = AsyncAnthropic(
            api_key=spec.key,
            base_url=spec.url.removesuffix("/v1"),  # the SDK adds it
            max_retries=0,
            http_client=make_client(addresses=spec.addresses),
        )
        settings = AnthropicLLMService.Settings(
            model=spec.model,
            system_instruction=spec.system,
            max_tokens=spec.max_tokens or MAX_TOKENS,
        )
        if spec.temperature is not None:  # current models have none, so there is no default
            settings.temperature = min(spec.temperature, MAX_TEMPERATURE)
        super().__init__(api_key=spec.key, client=client, settings=settings)

    async def _create_message_stream(self, api_call: Any, params: Any) -> Any:
        """Called by pipecat. Reading the stream raises ``NoAnswer`` if it has none."""
        events = await super()._create_message_stream(api_call, params)  # type: ignore[no-untyped-call]
        events.response = checked(events.response, MESSAGES_ANSWER)
        return events
