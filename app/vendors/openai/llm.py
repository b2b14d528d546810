"""OpenAI's chat completions: its own models, and those of other vendors with this protocol.

https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

from typing import Any

from openai import AsyncOpenAI, AsyncStream
from openai.types.chat import ChatCompletionChunk
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.services.openai.base_llm import OpenAILLMSettings
from pipecat.services.openai.llm import OpenAILLMService

from app.net.httpx_client import READ_SECONDS, make_client
from app.vendors.common.checked_answer import checked
from app.vendors.common.clean_text import CleanModel
from app.vendors.common.llm_spec import Spec
from app.vendors.common.pipecat_workarounds import ClosesClient
from app.vendors.openai import MAX_TOKENS_FIELD
from app.vendors.openai.answer import CHAT_ANSWER


class Chat(ClosesClient, CleanModel, OpenAILLMService):
    """One model of one call."""

    supports_developer_role = False

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        super().__init__(api_key=spec.key, base_url=spec.url, settings=_settings(spec))

    def create_client(self, *_args: Any, **_options: Any) -> AsyncOpenAI:
        """Called by the base class.

        All arguments are set here, so that none comes from the environment.
        """
        client = self.open_client(self._spec)
        client.organization = client.project = None
        return client

    async def get_chat_completions(self, context: LLMContext) -> AsyncStream[ChatCompletionChunk]:
        """Ask for an answer. Reading it raises ``NoAnswer`` if the server sent something else."""
        chunks = await super().get_chat_completions(context)
        chunks.response = checked(chunks.response, CHAT_ANSWER)
        return chunks

    def open_client(self, spec: Spec) -> AsyncOpenAI:
        """The SDK's client at the vendor's address."""
        return AsyncOpenAI(
            api_key=spec.key,
            base_url=spec.url,
            max_retries=0,
            default_headers=spec.headers,
            http_client=make_client(
                spec.read_seconds or READ_SECONDS, spec.addresses, signer=spec.signer
            ),
        )


class OpenAI(Chat):
    """OpenAI's own models, which have one role more."""

    supports_developer_role = True


def _settings(spec: Spec) -> OpenAILLMSettings:
    settings = OpenAILLMSettings(
        model=spec.model,
        system_instruction=spec.system,
        extra={"extra_body": dict(spec.body)} if spec.body else {},
    )
    if spec.temperature is not None:
        settings.temperature = spec.temperature
    if spec.max_tokens is not None and spec.max_tokens_field == MAX_TOKENS_FIELD:
        settings.max_completion_tokens = spec.max_tokens
    elif spec.max_tokens is not None:
        settings.max_tokens = spec.max_tokens
    return settings
