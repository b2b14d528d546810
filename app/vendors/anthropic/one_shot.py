"""One question in Anthropic's messages API. https://docs.anthropic.com/en/api/messages"""

from __future__ import annotations

from app.vendors.common.answer import Messages, OneShotRequest, Said
from app.vendors.common.llm_spec import Spec
from providers.common.json_types import JsonDict, JsonObject

API_VERSION = "2023-06-01"
# The limit for a question without one; the API demands it.
MAX_TOKENS = 1000


def request(spec: Spec, messages: Messages) -> OneShotRequest:
    system = "\n\n".join(each["content"] for each in messages if each["role"] == "system")
    body: JsonDict = {
        "model": spec.model,
        "max_tokens": spec.max_tokens or MAX_TOKENS,
        "messages": [dict(each) for each in messages if each["role"] != "system"],
        **({"system": system} if system else {}),
    }
    headers = {"x-api-key": spec.key, "anthropic-version": API_VERSION}
    return OneShotRequest(f"{spec.url.removesuffix('/v1')}/v1/messages", headers, body)


def read(answer: JsonObject) -> Said:
    usage = answer.get("usage") or {}
    used = int(usage.get("input_tokens") or 0), int(usage.get("output_tokens") or 0)
    texts = [str(each["text"]) for each in answer["content"] if each.get("type") == "text"]
    return "".join(texts), used
