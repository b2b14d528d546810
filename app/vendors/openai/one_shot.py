"""One question in OpenAI's chat completions. https://platform.openai.com/docs/api-reference/chat/create"""

from __future__ import annotations

from app.vendors.common.answer import Messages, OneShotRequest, Said
from app.vendors.common.errors import NO_KEY
from app.vendors.common.llm_spec import Spec
from providers.common.json_types import JsonDict, JsonObject


def request(spec: Spec, messages: Messages) -> OneShotRequest:
    key = {} if spec.key == NO_KEY else {"Authorization": f"Bearer {spec.key}"}
    url = f"{spec.url}/chat/completions"
    return OneShotRequest(url, {**spec.headers, **key}, body(spec, messages))


def body(spec: Spec, messages: Messages) -> JsonDict:
    found: JsonDict = {"model": spec.model, "messages": [dict(each) for each in messages]}
    if spec.temperature is not None:
        found["temperature"] = 0
    if spec.max_tokens:
        found[spec.max_tokens_field] = spec.max_tokens
    return {**spec.body, **found}


def read(answer: JsonObject) -> Said:
    usage = answer.get("usage") or {}
    used = int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)
    choice = answer["choices"][0]
    message = choice["message"] if "message" in choice else choice["delta"]  # as some servers do
    return str(message["content"] or ""), used
