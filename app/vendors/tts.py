"""Builds the pipecat service of an assistant's ``voice``.

A vendor's part, and pipecat with it, is imported when its voice is built.
https://docs.vapi.ai/api-reference/assistants/create (``voice``)
"""

from __future__ import annotations

from dataclasses import replace
from pkgutil import resolve_name
from typing import TYPE_CHECKING

from app.vendors import registry, similar
from app.vendors.common import fallback as fallbacks
from app.vendors.common.account import NO_ACCOUNT, VendorAccount, VendorAccounts
from app.vendors.common.errors import VOICE, UnbuildableAssistant, check_address, deny_all
from app.vendors.common.local_program import lacking
from app.vendors.common.tts_part import Custom, server_of
from app.vendors.common.vendor import Config

if TYPE_CHECKING:
    from pipecat.services.tts_service import TTSService

    from app.vendors.common.tts_part import MakeVoice


def candidates(config: Config, fallback: Config | None = None) -> tuple[Config, ...]:
    """The voices to try, in order."""
    return tuple(map(registry.named, fallbacks.candidates(VOICE, config, fallback)))


def problem(config: Config, accounts: VendorAccounts) -> str | None:
    """Why this voice cannot be built, for the operator; None: it can."""
    provider, known = str(config.get("provider") or ""), registry.tts_parts()
    part, account = known.get(provider), accounts.get(provider, NO_ACCOUNT)
    if part is None:
        return f"voice.provider must be one of {', '.join(sorted(known))}; it is {provider!r}"
    for name, wrong in registry.field_problems(VOICE, config):
        return f"voice.{name} {wrong}"
    if part.server_in_assistant:
        return None if server_of(config).get("url") else "voice.server.url is missing"
    if not part.needs_account:
        return lacking(part.program, config, account)
    if not config.get("voiceId"):
        return "voice.voiceId is missing"
    vendor = registry.VENDORS[provider]
    if vendor.discontinued and not account.url:
        return (
            f"{provider} {vendor.why_discontinued}: choose another voice.provider, give the voice a"
            " fallbackPlan or this server a fallback voice, or set an address for it that takes "
            f"{vendor.discontinued}"
        )
    return _account_problem(provider, account)


def choose(
    config: Config,
    accounts: VendorAccounts,
    fallback: Config | None = None,
    table: similar.Table = similar.NO_TABLE,
) -> Config:
    """The first of ``candidates`` that can be built; for a voice of Vapi's the one that speaks it.

    ``table``: the operator's ``VAPI_VOICES``. Raises ``UnbuildableAssistant`` of the assistant's
    own voice.
    """
    fit = [each for each in candidates(config, fallback) if problem(each, accounts) is None]
    for candidate in fit:
        if not similar.is_spoken_by_others(candidate):
            return candidate
        voice = similar.spoken_by(candidate, lambda v: problem(v, accounts) is None, table)
        if voice is not None:
            return voice
    if fit:
        return similar.last_resort(fit[0])
    raise UnbuildableAssistant(
        VOICE, str(config.get("provider") or ""), problem(config, accounts) or "no voice"
    )


def make_voice(
    config: Config,
    accounts: VendorAccounts,
    sample_rate: int,
    *,
    fallback: Config | None = None,
    custom: Custom | None = None,
) -> TTSService:
    """Build the voice of ``choose``, at ``sample_rate`` Hz.

    Without ``custom`` every server of a client is refused. Raises ``UnbuildableAssistant``.
    """
    chosen = choose(config, accounts, fallback)
    provider = chosen["provider"]
    account, rule = accounts.get(provider, NO_ACCOUNT), custom or Custom(deny_all)
    if account.client_supplied and account.url:
        check_address(VOICE, provider, account.url, rule.addresses)
    make: MakeVoice = resolve_name(registry.tts_parts()[provider].make)
    try:
        return make(chosen, account, sample_rate, rule)
    except (TypeError, ValueError) as error:  # no other place checks the fields of a voice
        raise UnbuildableAssistant(
            VOICE, provider, f"voice has a field that is not valid: {error}"
        ) from error


def has_word_times(provider: str) -> bool:
    """Whether its words come one by one, each with its time; otherwise a sentence at once."""
    part = registry.tts_parts().get(provider)
    return part is not None and part.word_times


def is_asked_ahead(provider: str) -> bool:
    """Whether it gets sentences before it has spoken the last one, without word times."""
    part = registry.tts_parts().get(provider)
    return part is not None and part.asked_ahead


def _account_problem(provider: str, account: VendorAccount) -> str | None:
    if not account.key and not account.url:
        return registry.VENDORS[provider].lacks_key
    vendor, region = registry.VENDORS[provider], account.extra.get("region", "")
    form = replace(vendor.form, path=True)  # each voice adds its own path to any
    if account.url and (wrong := form.problem(account.url)):
        return f"the address of {provider} {wrong}"
    if wrong := vendor.region_problem(account.url, region):
        return f"the region of {provider} {wrong}; it is {region!r}"
    needed = vendor.tts.needs if vendor.tts and not account.url else ()
    missing = [name for name in needed if not account.extra.get(name)]
    return f"the account of {provider} must have {missing[0]}" if missing else None
