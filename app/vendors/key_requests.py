"""One request for each vendor that shows whether it takes a key. It changes nothing and costs nothing.

A vendor without such a request has no row: some answer their lists to anybody.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from app.vendors import registry
from app.vendors.common.account import VendorAccount

MODELS = "/models"


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """A GET. ``url`` of the vendor, or of the account's own address."""

    url: str
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """How to ask. ``address``: None is that of the vendor's models."""

    path: str = MODELS
    header: str = "Authorization"
    value: str = "Bearer {key}"
    address: str | None = None
    more: Mapping[str, str] = field(default_factory=dict)
    """Other headers that every request needs."""
    elsewhere: bool = False
    """Its calls go to another host, so an account's own address does not answer this."""


ROWS: Mapping[str, Row] = {
    # platform.openai.com/docs/api-reference/models/list, and those with the same list
    "openai": Row(),
    "together-ai": Row(),
    "groq": Row(),
    "cerebras": Row(),
    "deep-seek": Row(),
    "mistral": Row(),
    "google": Row(),
    "xai": Row(),
    # openrouter.ai/docs/api-reference/limits; its list of models is public
    "openrouter": Row(path="/key"),
    # learn.microsoft.com/rest/api/azureopenai/models/list; the account has the address
    "azure-openai": Row(
        path="/openai/models?api-version=2024-10-21", header="api-key", value="{key}", address=""
    ),
    # docs.anthropic.com/en/api/models-list
    "anthropic": Row(
        path="/v1/models",
        header="x-api-key",
        value="{key}",
        more={"anthropic-version": "2023-06-01"},
    ),
    # developers.deepgram.com/reference/auth/tokens/validate
    "deepgram": Row(path="/v1/auth/token", value="Token {key}", address="https://api.deepgram.com"),
    # elevenlabs.io/docs/api-reference/models/list
    "11labs": Row(
        path="/v1/models", header="xi-api-key", value="{key}", address="https://api.elevenlabs.io"
    ),
    # docs.cartesia.ai/api-reference/voices/list
    "cartesia": Row(
        path="/voices?limit=1",
        header="X-API-Key",
        value="{key}",
        address="https://api.cartesia.ai",
        more={"Cartesia-Version": "2025-04-16"},
    ),
    # docs.gladia.io/api-reference/v2/live/list
    "gladia": Row(
        path="/v2/live?limit=1",
        header="x-gladia-key",
        value="{key}",
        address="https://api.gladia.io",
    ),
    # assemblyai.com/docs/api-reference/transcripts/list
    "assembly-ai": Row(
        path="/v2/transcript?limit=1",
        value="{key}",
        address="https://api.assemblyai.com",
        elsewhere=True,
    ),
    # soniox.com/docs/stt/api-reference/models/get_models
    "soniox": Row(path="/v1/models", address="https://api.soniox.com", elsewhere=True),
    # learn.microsoft.com/azure/ai-services/speech-service/rest-text-to-speech
    "azure": Row(
        path="/cognitiveservices/voices/list",
        header="Ocp-Apim-Subscription-Key",
        value="{key}",
        address="https://{region}.tts.speech.microsoft.com",
    ),
    # docs.vapi.ai/api-reference/assistants/list
    "vapi": Row(path="/assistant?limit=1", address="https://api.vapi.ai"),
    # dev.hume.ai/reference/text-to-speech-tts/voices/list
    "hume": Row(
        path="/v0/tts/voices?provider=CUSTOM_VOICE&page_size=1",
        header="X-Hume-Api-Key",
        value="{key}",
        address="https://api.hume.ai",
    ),
}
"""By Vapi's name of the vendor, with the vendor's page."""


def key_request(name: str, account: VendorAccount) -> KeyRequest | None:
    """The request that tries this account's key; None: there is none for it."""
    row = ROWS.get(name)
    if row is None or not account.key or (account.url and row.elsewhere):
        return None
    base = account.url or _address(name, row, account)
    if not base:
        return None
    headers = {**row.more, row.header: row.value.format(key=account.key)}
    return KeyRequest(re.sub("^ws", "http", base).rstrip("/") + row.path, headers)


def _address(name: str, row: Row, account: VendorAccount) -> str | None:
    if row.address is None:
        part = registry.VENDORS[name].llm
        return part.address if part else None
    if "{region}" not in row.address:
        return row.address
    region = account.extra.get("region")
    return row.address.format(region=region) if region else None
