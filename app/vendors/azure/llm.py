"""Azure's form of OpenAI's chat completions.

https://learn.microsoft.com/azure/ai-foundry/openai/reference
"""

from __future__ import annotations

from openai import AsyncAzureOpenAI, AsyncOpenAI

from app.net.httpx_client import make_client
from app.vendors.azure import API_VERSION, UNDATED
from app.vendors.common.llm_spec import Spec
from app.vendors.openai.llm import Chat


class Azure(Chat):
    """One model of one call. The deployment's name is the model's."""

    def open_client(self, spec: Spec) -> AsyncOpenAI:
        if spec.url.endswith(UNDATED):
            return super().open_client(spec)
        return AsyncAzureOpenAI(
            api_key=spec.key,
            azure_endpoint=spec.url,
            api_version=spec.extra.get("apiVersion") or API_VERSION,
            max_retries=0,
            default_headers=spec.headers,
            http_client=make_client(addresses=spec.addresses),
        )
