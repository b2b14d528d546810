"""The voice of an assistant, under the names Vapi gives vendors and fields.

Nothing of the media engine is imported until a voice is made.
https://docs.vapi.ai/api-reference/assistants/create (``voice``)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from app.vendors.common.account import NO_ACCOUNT, VendorAccount, VendorAccounts
from app.vendors.common.errors import UnbuildableAssistant, check_address, deny_all
from app.vendors.common.speech_request import Config
from app.vendors.common.tts_part import DISCONTINUED, Custom, server_of
from app.vendors.registry import MAKERS

if TYPE_CHECKING:
    from pipecat.services.tts_service import TTSService

STAGE = "voice"
WORD_TIMES = frozenset({"11labs", "cartesia", "rime-ai"})
"""Tell when each word is spoken."""
ASKED_AHEAD = frozenset({"deepgram"})
"""Its sound comes over a websocket, in one stream for all sentences of a turn."""


def candidates(config: Config, fallback: Config | None = None) -> tuple[Config, ...]:
    """The voices to try, in order: the assistant's, its ``fallbackPlan.voices``, the operator's."""
    plan = config.get("fallbackPlan")
    voices = plan.get("voices") if isinstance(plan, Mapping) else None
    planned = [v for v in voices if isinstance(v, Mapping)] if isinstance(voices, list) else []
    own = {name: value for name, value in config.items() if name != "fallbackPlan"}
    return (own, *planned, *((fallback,) if fallback else ()))


def problem(config: Config, accounts: VendorAccounts) -> str | None:
    """Why this voice cannot be built, for the operator; None: it can."""
    provider = str(config.get("provider") or "")
    access = accounts.get(provider, NO_ACCOUNT)
    if provider not in MAKERS:
        return f"voice.provider must be one of {', '.join(sorted(MAKERS))}; it is {provider!r}"
    if provider == "custom-voice":
        return None if server_of(config).get("url") else "voice.server.url is missing"
    if provider == "embedded":
        return None
    if not config.get("voiceId"):
        return "voice.voiceId is missing"
    if provider in DISCONTINUED and not access.url:
        return (
            f"{provider} is out of business: choose another voice.provider, give the voice a "
            "fallbackPlan or this server a fallback voice, or set an address for it that takes "
            "OpenAI's speech requests"
        )
    return _account_problem(provider, access)


def choose(config: Config, accounts: VendorAccounts, fallback: Config | None = None) -> Config:
    """The first of ``candidates`` that can be built. Raises ``UnbuildableAssistant`` of the assistant's own."""
    for candidate in candidates(config, fallback):
        if problem(candidate, accounts) is None:
            return candidate
    raise UnbuildableAssistant(
        STAGE, str(config.get("provider") or ""), problem(config, accounts) or "no voice"
    )


def make_voice(
    config: Config,
    accounts: VendorAccounts,
    sample_rate: int,
    *,
    fallback: Config | None = None,
    custom: Custom | None = None,
) -> TTSService:
    """The voice that ``choose`` gives, sounding at ``sample_rate`` Hz. Raises ``UnbuildableAssistant``.

    Without ``custom`` there is no rule for whose servers may be asked, and so none is.
    """
    chosen = choose(config, accounts, fallback)
    provider = chosen["provider"]
    access, rule = accounts.get(provider, NO_ACCOUNT), custom or Custom(deny_all)
    if access.client_supplied and access.url:
        check_address(STAGE, provider, access.url, rule.addresses)
    try:
        return MAKERS[provider](chosen, access, sample_rate, rule)
    except (TypeError, ValueError) as error:  # nobody has checked the fields of a voice before
        raise UnbuildableAssistant(
            STAGE, provider, f"voice has a field that is not valid: {error}"
        ) from error


def has_word_times(provider: str) -> bool:
    """Whether its words come one by one, each with its time; else a sentence at once."""
    return provider in WORD_TIMES


def is_asked_ahead(provider: str) -> bool:
    """Whether it is given sentences before it has spoken the last one, and does not say when each
    is spoken."""
    return provider in ASKED_AHEAD


def _account_problem(provider: str, account: VendorAccount) -> str | None:
    if not account.key and not account.url:
        return f"no key for {provider}: store a credential of that provider, or set its key"
    if provider == "azure" and not account.url:
        region = account.extra.get("region", "")
        if not re.fullmatch(r"[a-z0-9-]+", region):
            return f"azure needs the region of its key, such as westeurope; it has {region!r}"
    return None
