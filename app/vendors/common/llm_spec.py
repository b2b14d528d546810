"""Vapi's ``model`` object, read into what a vendor's service needs.

Imports no vendor's service.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from app.net.types import Addresses
from app.vendors.common.account import NO_ACCOUNT, VendorAccount, VendorAccounts
from app.vendors.common.environment import VARIABLES
from app.vendors.common.errors import NO_KEY, UnbuildableAssistant
from providers.events import EndedReason

BASES: Mapping[str, str | None] = {
    "openai": "https://api.openai.com/v1",  # platform.openai.com/docs/api-reference
    "azure-openai": None,  # each resource has its own
    "together-ai": "https://api.together.xyz/v1",  # docs.together.ai/docs/openai-api-compatibility
    "anyscale": None,  # its public endpoints are closed
    "openrouter": "https://openrouter.ai/api/v1",  # openrouter.ai/docs/quickstart
    "perplexity-ai": "https://api.perplexity.ai",  # docs.perplexity.ai/guides/chat-completions-guide
    "deepinfra": "https://api.deepinfra.com/v1/openai",  # deepinfra.com/docs/openai_api
    "runpod": None,  # each endpoint has its own
    "groq": "https://api.groq.com/openai/v1",  # console.groq.com/docs/openai
    "anthropic": "https://api.anthropic.com",  # docs.anthropic.com/en/api/messages
    "custom-llm": None,  # the assistant's model.url
}
"""Where each vendor is reached; None: the account, or the assistant, has to say."""

FAILED: Mapping[str, EndedReason] = {
    "openai": EndedReason.PIPELINE_ERROR_OPENAI_LLM_FAILED,
    "azure-openai": EndedReason.PIPELINE_ERROR_AZURE_OPENAI_LLM_FAILED,
    "together-ai": EndedReason.PIPELINE_ERROR_TOGETHER_AI_LLM_FAILED,
    "anyscale": EndedReason.PIPELINE_ERROR_ANYSCALE_LLM_FAILED,
    "openrouter": EndedReason.PIPELINE_ERROR_OPENROUTER_LLM_FAILED,
    "perplexity-ai": EndedReason.PIPELINE_ERROR_PERPLEXITY_AI_LLM_FAILED,
    "deepinfra": EndedReason.PIPELINE_ERROR_DEEPINFRA_LLM_FAILED,
    "runpod": EndedReason.PIPELINE_ERROR_RUNPOD_LLM_FAILED,
    "groq": EndedReason.PIPELINE_ERROR_GROQ_LLM_FAILED,
    "anthropic": EndedReason.PIPELINE_ERROR_ANTHROPIC_LLM_FAILED,
    "custom-llm": EndedReason.PIPELINE_ERROR_CUSTOM_LLM_LLM_FAILED,
}
"""What a call ends with when the model of this vendor fails."""

TEMPERATURE, MAX_TOKENS = 0.5, 250
"""Vapi's defaults, of each answer."""
NAMES: Mapping[str, str] = {"openai": "gpt-4o", "custom-llm": "default"}
"""Models where ``model.model`` does not say. Other vendors have none that stays."""
REASONING = re.compile(r"o\d|gpt-5(?!.*chat)")
"""Models that refuse a temperature and think within their tokens."""
OPENAIS = frozenset({"openai", "azure-openai"})
"""They have renamed ``max_tokens``, which their newer models refuse."""
USER_FIRST = frozenset({"anthropic", "perplexity-ai"})
"""They refuse a conversation that the assistant begins."""
AZURE_VERSION = "2025-04-01-preview"
"""The last dated one. learn.microsoft.com/azure/ai-services/openai/api-version-deprecation"""
AZURE_V1 = "/openai/v1"
"""An endpoint that ends so has no dated versions, and is spoken to as OpenAI is."""
CONNECTED = "(The call is connected.)"
CHAT = "/chat/completions"
OWN_FIELDS = frozenset(
    {"model", "messages", "stream", "stream_options", "temperature", "max_tokens", "tools"}
)
"""Of a request, what ``metadataSendMode`` ``destructured`` cannot replace."""


@dataclass(frozen=True, slots=True)
class Spec:
    """One model, ready to be made a service."""

    provider: str
    model: str
    key: str = field(repr=False)
    url: str
    system: str | None = field(repr=False)
    temperature: float | None
    max_tokens: int | None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Fields of the request beside those every model has."""
    read_seconds: float | None = None
    extra: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The account's own, as Azure's API version."""
    foreign: bool = False
    """A client chose the address."""
    addresses: Addresses | None = field(default=None, repr=False)
    """The rule for where that may be; None: the address is the vendor's, or the operator's own."""


def candidates(config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The model, then its ``fallbackModels``: the same vendor's, by name. Empty: none configured."""
    if not config.get("provider"):
        return []
    fallbacks = config.get("fallbackModels")
    names = fallbacks if isinstance(fallbacks, list) else []
    texts = dict.fromkeys(name for name in names if isinstance(name, str) and name)
    others = [name for name in texts if name != config.get("model")]
    bare = {name: value for name, value in config.items() if name != "fallbackModels"}
    return [bare, *({**bare, "model": name} for name in others)]


def instructions(config: Mapping[str, Any]) -> str | None:
    """The system messages, joined; or ``systemPrompt``, its older place."""
    texts = [text for role, text in _messages(config) if role == "system"]
    if texts:
        return "\n\n".join(texts)
    older = config.get("systemPrompt")
    return older if isinstance(older, str) and older else None


def opening_messages(config: Mapping[str, Any], *, asked: bool = False) -> list[dict[str, str]]:
    """The context's start: what was said before the call, by the assistant and the user.

    ``asked``: the model is to speak first, and needs something to answer. Messages of tools are
    left out: without the calls that they answer, vendors refuse them.
    """
    roles = {"assistant": "assistant", "bot": "assistant", "user": "user"}
    said = [
        {"role": roles[role], "content": text} for role, text in _messages(config) if role in roles
    ]
    begins = not said or said[0]["role"] == "assistant"
    if (asked and not said) or (begins and config.get("provider") in USER_FIRST):
        said.insert(0, {"role": "user", "content": CONNECTED})
    return said


def read_spec(
    config: Mapping[str, Any], accounts: VendorAccounts, facts: Mapping[str, Any]
) -> Spec:
    """Raises ``UnbuildableAssistant``."""
    provider = config.get("provider")
    if not isinstance(provider, str) or provider not in BASES:
        known = ", ".join(BASES)
        raise _missing(str(provider or ""), f"model.provider must be one of {known}")
    name = config.get("model") or NAMES.get(provider)
    if not isinstance(name, str):
        raise _missing(provider, f"model.model must name a model of {provider}")
    access = accounts.get(provider, NO_ACCOUNT)
    url = _address(provider, config, access)
    thinks = provider in OPENAIS and REASONING.match(name) is not None
    default = None if thinks or provider == "anthropic" else TEMPERATURE
    limit = _number(config, "maxTokens")
    return Spec(
        provider=provider,
        model=name,
        key=_key(provider, access, url),
        url=url,
        system=instructions(config),
        temperature=None if thinks else _number(config, "temperature", default),
        max_tokens=int(limit) if limit else (None if thinks else MAX_TOKENS),
        headers=_headers(provider, config, access),
        body=_body(provider, config, facts),
        read_seconds=_number(config, "timeoutSeconds") if provider == "custom-llm" else None,
        extra=access.extra,
        foreign=bool(_own(provider, config)) or (access.client_supplied and access.url is not None),
    )


def _own(provider: str, config: Mapping[str, Any]) -> Any:
    """The assistant's address of its model."""
    return config.get("url") if provider == "custom-llm" else None


def _address(provider: str, config: Mapping[str, Any], account: VendorAccount) -> str:
    url = _own(provider, config) or account.url or BASES[provider]
    if not url:
        where = "model.url" if provider == "custom-llm" else VARIABLES[provider].url
        raise _missing(provider, f"{provider} has no address: set {where}")
    if not isinstance(url, str) or urlsplit(url).scheme not in {"http", "https"}:
        raise _missing(provider, f"the address of {provider} must begin with https:// or http://")
    return url.rstrip("/").removesuffix(CHAT)  # many give the whole path


def _key(provider: str, account: VendorAccount, url: str) -> str:
    """An address of one's own may need none; a key is shown only to whom it was given for."""
    if account.key and (account.url is None or _origin(account.url) == _origin(url)):
        return account.key
    if account.url or provider == "custom-llm":
        return NO_KEY
    raise _missing(
        provider,
        f"{provider} has no key: set {VARIABLES[provider].key}, "
        f"or POST /credential with provider {provider}",
    )


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _headers(provider: str, config: Mapping[str, Any], account: VendorAccount) -> dict[str, str]:
    """Vapi lets ``model.headers`` replace all but Authorization, which is a credential's."""
    if provider == "azure-openai":
        gateway = account.extra.get("ocpApimSubscriptionKey")
        return {"Ocp-Apim-Subscription-Key": gateway} if gateway else {}
    given = config.get("headers") if provider == "custom-llm" else None
    if not isinstance(given, Mapping):
        return {}
    wrong = [n for n, v in given.items() if not (isinstance(v, str) and f"{n}{v}".isascii())]
    if wrong:
        raise _missing(provider, f"model.headers has a bad {wrong[0]!r}")
    return {name: value for name, value in given.items() if name.lower() != "authorization"}


def _body(provider: str, config: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    if provider in OPENAIS and isinstance(config.get("reasoningEffort"), str):
        return {"reasoning_effort": config["reasoningEffort"]}
    if provider != "custom-llm":
        return {}
    older = "off" if config.get("urlRequestMetadataEnabled") is False else "variable"
    mode = config.get("metadataSendMode") or older
    told = {name: value for name, value in facts.items() if value}
    if mode == "off":
        return {}
    if mode == "destructured" and isinstance(told.get("metadata"), Mapping):
        told = {**told.pop("metadata"), **told}
    return {name: value for name, value in told.items() if name not in OWN_FIELDS}


def _messages(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    given = config.get("messages")
    return [
        (message["role"], message["content"])
        for message in (given if isinstance(given, list) else [])
        if isinstance(message, Mapping)
        and isinstance(message.get("role"), str)
        and isinstance(message.get("content"), str)
        and message["content"]
    ]


def _number(config: Mapping[str, Any], name: str, default: float | None = None) -> float | None:
    value = config.get(name)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number else default


def _missing(provider: str, text: str) -> UnbuildableAssistant:
    return UnbuildableAssistant("model", provider, text)
