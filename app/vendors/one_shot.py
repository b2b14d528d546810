"""One question to an assistant's model, answered as a whole: without the media engine, in a thread.

https://platform.openai.com/docs/api-reference/chat/create
https://docs.anthropic.com/en/api/messages
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from app.vendors.common.account import VendorAccounts
from app.vendors.common.answer import ModelAnswer
from app.vendors.common.errors import NO_KEY, UnbuildableAssistant
from app.vendors.common.llm_spec import (
    AZURE_V1,
    AZURE_VERSION,
    OPENAIS,
    Spec,
    candidates,
    read_spec,
)

Messages = Sequence[Mapping[str, str]]

MAX_TOKENS = 1000
"""Of an answer: an assistant's own limit is for what it says in one breath."""
ANTHROPIC_VERSION = "2023-06-01"
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504, 529})
"""Statuses that may be gone soon; 529 is Anthropic's "overloaded"."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An HTTP answer; ``status`` None: none was had, and ``text`` says why."""

    status: int | None
    text: str


Post = Callable[[str, bytes, Mapping[str, str], float], HttpAnswer]
"""URL, body, headers, seconds in all. To addresses that may be called, without redirects; never raises."""


class OneShotModel:
    """What ``Context.ask_model`` is."""

    def __init__(self, post: Post, now: Callable[[], float] = time.monotonic) -> None:
        self._post = post
        self._now = now

    def __call__(
        self,
        config: Mapping[str, Any],
        accounts: VendorAccounts,
        messages: Messages,
        seconds: float,
    ) -> ModelAnswer:
        """The first of the assistant's models that answers, within ``seconds``."""
        until = self._now() + seconds
        thought = ModelAnswer(error="model.provider is missing")
        for each in candidates(config):
            left = until - self._now()
            if left <= 0:
                break
            thought = self._ask(each, accounts, messages, left)
            if not thought.error:
                break
        return thought

    def _ask(
        self,
        config: Mapping[str, Any],
        accounts: VendorAccounts,
        messages: Messages,
        seconds: float,
    ) -> ModelAnswer:
        try:
            spec = read_spec(config, accounts, {})
        except UnbuildableAssistant as problem:
            return ModelAnswer(error=str(problem))
        limit = spec.max_tokens and MAX_TOKENS
        spec = replace(spec, system=None, max_tokens=limit)
        anthropic = spec.provider == "anthropic"
        url, headers, body = (_anthropic if anthropic else _chat)(spec, messages)
        told = {"Content-Type": "application/json", "User-Agent": "Patchbay", **headers}
        answer = self._post(url, json.dumps(body).encode(), told, seconds)
        if answer.status != 200:
            return _failure(spec, answer)
        try:
            text, used = (_said_by_anthropic if anthropic else _said)(json.loads(answer.text))
        except (ValueError, LookupError, TypeError, AttributeError):
            return ModelAnswer(error=f"{spec.provider} answered something else than {url} should")
        model = {"provider": spec.provider, "model": spec.model}
        return ModelAnswer(text, model, *used)


def _failure(spec: Spec, answer: HttpAnswer) -> ModelAnswer:
    passing = answer.status is None or answer.status in PASSING
    if "insufficient_quota" in answer.text:  # 429 too, and lasting
        passing = False
    text = f"{spec.provider}: {answer.status or 'no answer'}: {answer.text[:300]}"
    return ModelAnswer(error=text, transient=passing)


# ------------------------------------------------------------------ OpenAI's, and all that speak it


def _chat(spec: Spec, messages: Messages) -> tuple[str, dict[str, str], dict[str, Any]]:
    body: dict[str, Any] = {"model": spec.model, "messages": [dict(each) for each in messages]}
    if spec.temperature is not None:
        body["temperature"] = 0
    if spec.max_tokens:
        body["max_completion_tokens" if spec.provider in OPENAIS else "max_tokens"] = (
            spec.max_tokens
        )
    return _chat_url(spec), dict(_chat_headers(spec)), {**spec.body, **body}


def _chat_url(spec: Spec) -> str:
    if not _is_dated_azure(spec):
        return f"{spec.url}/chat/completions"
    version = quote(spec.extra.get("apiVersion") or AZURE_VERSION)
    deployment = quote(spec.model, safe="")
    return f"{spec.url}/openai/deployments/{deployment}/chat/completions?api-version={version}"


def _chat_headers(spec: Spec) -> Iterator[tuple[str, str]]:
    yield from spec.headers.items()
    if _is_dated_azure(spec):
        yield "api-key", spec.key
    elif spec.key != NO_KEY:
        yield "Authorization", f"Bearer {spec.key}"


def _is_dated_azure(spec: Spec) -> bool:
    return spec.provider == "azure-openai" and not spec.url.endswith(AZURE_V1)


def _said(answer: Mapping[str, Any]) -> tuple[str, tuple[int, int]]:
    usage = answer.get("usage") or {}
    used = int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)
    return str(answer["choices"][0]["message"]["content"] or ""), used


# ------------------------------------------------------------------ Anthropic's


def _anthropic(spec: Spec, messages: Messages) -> tuple[str, dict[str, str], dict[str, Any]]:
    system = "\n\n".join(each["content"] for each in messages if each["role"] == "system")
    body: dict[str, Any] = {
        "model": spec.model,
        "max_tokens": spec.max_tokens or MAX_TOKENS,
        "messages": [dict(each) for each in messages if each["role"] != "system"],
        **({"system": system} if system else {}),
    }
    headers = {"x-api-key": spec.key, "anthropic-version": ANTHROPIC_VERSION}
    return f"{spec.url.removesuffix('/v1')}/v1/messages", headers, body


def _said_by_anthropic(answer: Mapping[str, Any]) -> tuple[str, tuple[int, int]]:
    usage = answer.get("usage") or {}
    used = int(usage.get("input_tokens") or 0), int(usage.get("output_tokens") or 0)
    texts = [str(each["text"]) for each in answer["content"] if each.get("type") == "text"]
    return "".join(texts), used
