"""Vapi's ``model`` object as the spec of a vendor's service.

This file imports no vendor's service.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from app.net.addresses import BadURL, check_url
from app.net.authentication import Signer
from app.net.headers import header_problem, without_framing
from app.net.types import Addresses
from app.vendors import registry
from app.vendors.common.account import NO_ACCOUNT, VendorAccount, VendorAccounts
from app.vendors.common.errors import MODEL, NO_KEY, UnbuildableAssistant
from app.vendors.common.vendor import Config, LlmPart, Vendor
from providers.common.json_types import JsonDict, JsonObject

# Vapi's default for each answer.
MAX_TOKENS = 250
CONNECTED = "(The call is connected.)"
CHAT = "/chat/completions"
# Fields of a request that ``metadataSendMode`` ``destructured`` cannot replace.
OWN_FIELDS = frozenset(
    {"model", "messages", "stream", "stream_options", "temperature", "max_tokens", "tools"}
)


@dataclass(frozen=True, slots=True)
class Spec:
    """One model, as its service needs it."""

    provider: str
    model: str
    key: str = field(repr=False)
    url: str
    system: str | None = field(repr=False)
    temperature: float | None
    max_tokens: int | None
    max_tokens_field: str = "max_tokens"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: JsonObject = field(default_factory=dict, repr=False)
    """Fields of the request beside those of every model."""
    read_seconds: float | None = None
    extra: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The account's own fields, such as Azure's API version."""
    signer: Signer | None = field(default=None, repr=False)
    """The credential of the client's own server."""
    foreign: bool = False
    """A client chose the address."""
    addresses: Addresses | None = field(default=None, repr=False)
    """The rule for its addresses; None: the address is the vendor's, or the operator's own."""


def candidates(config: Config, fallback: Config | None = None) -> list[Config]:
    """The model, its ``fallbackModels``, and the operator's, with the assistant's other fields.

    ``fallbackModels`` are the same vendor's, by name. Empty: none configured.
    """
    if not config.get("provider"):
        return []
    fallbacks = config.get("fallbackModels")
    names = fallbacks if isinstance(fallbacks, list) else []
    texts = dict.fromkeys(name for name in names if isinstance(name, str) and name)
    others = [name for name in texts if name != config.get("model")]
    bare = {name: value for name, value in config.items() if name != "fallbackModels"}
    last = [{**bare, **fallback}] if fallback else []
    return [bare, *({**bare, "model": name} for name in others), *last]


def instructions(config: Config) -> str | None:
    """The system messages, joined; or ``systemPrompt``, the older field."""
    texts = [text for role, text in _messages(config) if role == "system"]
    if texts:
        return "\n\n".join(texts)
    older = config.get("systemPrompt")
    return older if isinstance(older, str) and older else None


def opening_messages(config: Config, *, asked: bool = False) -> list[dict[str, str]]:
    """The context's start: messages of the assistant and the user from before the call.

    ``asked``: the model speaks first, and needs a message to answer. Messages of tools are left
    out: vendors refuse them without the tool calls.
    """
    roles = {"assistant": "assistant", "bot": "assistant", "user": "user"}
    said = [
        {"role": roles[role], "content": text} for role, text in _messages(config) if role in roles
    ]
    begins = not said or said[0]["role"] == "assistant"
    if (asked and not said) or (begins and begins_with_user(config)):
        said.insert(0, {"role": "user", "content": CONNECTED})
    return said


def begins_with_user(config: Config) -> bool:
    """Whether the vendor refuses a context that begins with the assistant."""
    part = registry.llm_parts().get(str(config.get("provider")))
    return part is not None and part.user_first


def read_spec(config: Config, accounts: VendorAccounts, facts: JsonObject) -> Spec:
    """Read the spec. Raises ``UnbuildableAssistant``."""
    provider, known = config.get("provider"), registry.llm_parts()
    part = known.get(provider) if isinstance(provider, str) else None
    if not isinstance(provider, str) or part is None:
        text = f"model.provider must be one of {', '.join(known)}"
        raise UnbuildableAssistant(MODEL, str(provider or ""), text)
    name = config.get("model") or part.model
    if not isinstance(name, str):
        raise _missing(provider, f"model.model must name a model of {provider}")
    vendor, account = registry.VENDORS[provider], accounts.get(provider, NO_ACCOUNT)
    url = _address(vendor, part, config, account)
    thinks = part.reasoning is not None and part.reasoning.match(name) is not None
    limit = _number(config, "maxTokens")
    return Spec(
        provider=provider,
        model=name,
        key=_key(vendor, part, account, url),
        url=url,
        system=instructions(config),
        temperature=None if thinks else _number(config, "temperature", part.temperature),
        max_tokens=int(limit) if limit else (None if thinks else MAX_TOKENS),
        max_tokens_field=part.max_tokens_field,
        headers={**_account_headers(part, account), **_own_headers(provider, part, config)},
        body={**_extras(part, name), **_reasoning(part, config), **_told(part, config, facts)},
        read_seconds=_number(config, "timeoutSeconds") if part.server_in_assistant else None,
        extra=account.extra,
        signer=account.signer if part.server_in_assistant and _is_its(account, url) else None,
        foreign=bool(_own_url(part, config))
        or (account.client_supplied and account.url is not None),
    )


def problem(config: Config, accounts: VendorAccounts) -> str | None:
    """Why this model cannot be built, for the operator; None: it can."""
    try:
        read_spec(config, accounts, {})
    except UnbuildableAssistant as problem:
        return str(problem)
    return None


def _own_url(part: LlmPart, config: Config) -> object:
    """The assistant's own address of its model."""
    return config.get("url") if part.server_in_assistant else None


def _address(vendor: Vendor, part: LlmPart, config: Config, account: VendorAccount) -> str:
    url = _own_url(part, config) or account.url or part.address
    if not url:
        where = "model.url" if part.server_in_assistant else vendor.url_variable
        raise _missing(vendor.name, f"{vendor.name} has no address: set {where}")
    problem = vendor.form.problem(url)
    if problem or not isinstance(url, str):
        raise _missing(vendor.name, f"the address of {vendor.name} {problem}")
    try:
        check_url(url, allow_private=True)
    except BadURL as error:
        raise _missing(vendor.name, f"the address of {vendor.name}: {error}") from error
    return url.rstrip("/").removesuffix(CHAT)  # many clients give the whole path


def _key(vendor: Vendor, part: LlmPart, account: VendorAccount, url: str) -> str:
    """The account's key, for its own address only. A client's own address may need none."""
    if account.key and _is_its(account, url):
        return account.key
    if account.url or part.server_in_assistant:
        return NO_KEY
    raise _missing(vendor.name, vendor.lacks_key)


def _is_its(account: VendorAccount, url: str) -> bool:
    """Whether the account is for this address."""
    return account.url is None or _origin(account.url) == _origin(url)


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _account_headers(part: LlmPart, account: VendorAccount) -> dict[str, str]:
    """Headers of each request from the account's fields, beside the key."""
    found = {header: account.extra.get(field) for field, header in part.headers.items()}
    return {header: value for header, value in found.items() if value}


def _own_headers(provider: str, part: LlmPart, config: Config) -> dict[str, str]:
    """Vapi's ``model.headers`` replace all but Authorization, which belongs to a credential."""
    given = config.get("headers") if part.server_in_assistant else None
    if not isinstance(given, Mapping):
        return {}
    for name, value in given.items():
        problem = header_problem(name, value)
        if problem:
            raise _missing(provider, f"model.headers.{name[:40]} {problem}")
    own = without_framing(given)
    return {name: value for name, value in own.items() if name.lower() != "authorization"}


def _extras(part: LlmPart, name: str) -> JsonObject:
    """The fields that this model's requests need."""
    return next((fields for pattern, fields in part.extras if pattern.match(name)), {})


def _reasoning(part: LlmPart, config: Config) -> dict[str, str]:
    effort = config.get("reasoningEffort") if part.reasoning else None
    return {"reasoning_effort": effort} if isinstance(effort, str) else {}


def _told(part: LlmPart, config: Config, facts: JsonObject) -> JsonDict:
    """The call's fields for the assistant's own server, as ``metadataSendMode`` says."""
    if not part.server_in_assistant:
        return {}
    older = "off" if config.get("urlRequestMetadataEnabled") is False else "variable"
    mode = config.get("metadataSendMode") or older
    told = {name: value for name, value in facts.items() if value}
    if mode == "off":
        return {}
    if mode == "destructured" and isinstance(told.get("metadata"), Mapping):
        told = {**told.pop("metadata"), **told}
    return {name: value for name, value in told.items() if name not in OWN_FIELDS}


def _messages(config: Config) -> list[tuple[str, str]]:
    given = config.get("messages")
    return [
        (message["role"], message["content"])
        for message in (given if isinstance(given, list) else [])
        if isinstance(message, Mapping)
        and isinstance(message.get("role"), str)
        and isinstance(message.get("content"), str)
        and message["content"]
    ]


def _number(config: Config, name: str, default: float | None = None) -> float | None:
    value = config.get(name)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number else default


def _missing(provider: str, text: str) -> UnbuildableAssistant:
    return UnbuildableAssistant(MODEL, provider, text)
