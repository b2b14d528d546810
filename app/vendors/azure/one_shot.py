"""One question to Azure's form of OpenAI's chat completions.

https://learn.microsoft.com/azure/ai-foundry/openai/reference
"""

from __future__ import annotations

from urllib.parse import quote

from app.vendors.azure import API_VERSION, UNDATED
from app.vendors.common.answer import Messages, OneShotRequest, Said
from app.vendors.common.llm_spec import Spec
from app.vendors.openai import one_shot
from providers.common.json_types import JsonObject


def request(spec: Spec, messages: Messages) -> OneShotRequest:
    if spec.url.endswith(UNDATED):
        return one_shot.request(spec, messages)
    version = quote(spec.extra.get("apiVersion") or API_VERSION)
    deployment = quote(spec.model, safe="")
    url = f"{spec.url}/openai/deployments/{deployment}/chat/completions?api-version={version}"
    headers = {**spec.headers, "api-key": spec.key}
    return OneShotRequest(url, headers, one_shot.body(spec, messages))


def read(answer: JsonObject) -> Said:
    return one_shot.read(answer)
