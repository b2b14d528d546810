"""Models that speak OpenAI's chat completions: one service, and Azure's form of it.

https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

from typing import Any

from openai import AsyncAzureOpenAI, AsyncOpenAI
from pipecat.adapters.llm.services.perplexity_adapter import PerplexityLLMAdapter
from pipecat.services.openai.base_llm import OpenAILLMSettings
from pipecat.services.openai.llm import OpenAILLMService

from app.net.httpx_client import READ_SECONDS, make_client
from app.vendors.common.llm_spec import AZURE_V1, AZURE_VERSION, OPENAIS, Spec
from app.vendors.common.pipecat_workarounds import ClosesClient


class Chat(ClosesClient, OpenAILLMService):
    """One model of one call."""

    supports_developer_role = False

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        super().__init__(api_key=spec.key, base_url=spec.url, settings=_settings(spec))

    def create_client(self, *_args: Any, **_options: Any) -> AsyncOpenAI:
        """Called by the base class. Everything is said, so that nothing comes from the environment."""
        client = self._open()
        client.organization = client.project = None
        return client

    def _open(self) -> AsyncOpenAI:
        spec = self._spec
        return AsyncOpenAI(
            api_key=spec.key,
            base_url=spec.url,
            max_retries=0,
            default_headers=spec.headers,
            http_client=make_client(spec.read_seconds or READ_SECONDS, spec.addresses),
        )


class OpenAI(Chat):
    """OpenAI's own, which knows one role more."""

    supports_developer_role = True


class Azure(Chat):
    """The deployment's name is the model's."""

    def _open(self) -> AsyncOpenAI:
        spec = self._spec
        if spec.url.endswith(AZURE_V1):
            return super()._open()
        return AsyncAzureOpenAI(
            api_key=spec.key,
            azure_endpoint=spec.url,
            api_version=spec.extra.get("apiVersion") or AZURE_VERSION,
            max_retries=0,
            default_headers=spec.headers,
            http_client=make_client(addresses=spec.addresses),
        )


class Perplexity(Chat):
    """Wants its roles in turns: what a caller says in two parts is put together.

    https://docs.perplexity.ai/api-reference/chat-completions-post
    """

    adapter_class = PerplexityLLMAdapter


def make_chat(spec: Spec) -> Chat:
    """The service of a model that is not Anthropic's."""
    classes: dict[str, type[Chat]] = {
        "openai": OpenAI,
        "azure-openai": Azure,
        "perplexity-ai": Perplexity,
    }
    return classes.get(spec.provider, Chat)(spec)


def _settings(spec: Spec) -> OpenAILLMSettings:
    settings = OpenAILLMSettings(
        model=spec.model,
        system_instruction=spec.system,
        extra={"extra_body": dict(spec.body)} if spec.body else {},
    )
    if spec.temperature is not None:
        settings.temperature = spec.temperature
    if spec.max_tokens is not None and spec.provider in OPENAIS:
        settings.max_completion_tokens = spec.max_tokens
    elif spec.max_tokens is not None:
        settings.max_tokens = spec.max_tokens
    return settings
