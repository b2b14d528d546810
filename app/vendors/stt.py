"""Who hears the caller: an assistant's ``transcriber`` as a service of the media engine.

Each vendor is one module with ``make``, imported when the first call needs it. How a vendor's
failures show is measured in ``tests/vendors/test_transcriber_failures.py``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from app.net.types import Addresses
from app.vendors.common.account import NO_ACCOUNT, VendorAccount, VendorAccounts
from app.vendors.common.errors import NO_KEY, UnbuildableAssistant, check_address, deny_all
from providers.events import EndedReason

if TYPE_CHECKING:
    from pipecat.services.stt_service import STTService

STAGE = "transcriber"


@dataclass(frozen=True, slots=True)
class Vendor:
    """Where its ``make`` is; its address, an origin without a path, unless it has none."""

    module: str
    address: str | None = None


VENDORS: Mapping[str, Vendor] = {
    "deepgram": Vendor("deepgram", "https://api.deepgram.com"),
    "gladia": Vendor("gladia", "https://api.gladia.io"),
    "assembly-ai": Vendor("assembly_ai", "wss://streaming.assemblyai.com"),
    "talkscriber": Vendor("talkscriber", "wss://api.talkscriber.com:9090"),
    "custom-transcriber": Vendor("custom"),
}
"""By Vapi's name. Beside them ``embedded``, which is ours."""

FAILED: Mapping[str, EndedReason] = {
    "deepgram": EndedReason.PIPELINE_ERROR_DEEPGRAM_TRANSCRIBER_FAILED,
}
"""Vapi has a reason of its own for this vendor only."""

_ORIGIN = re.compile(r"(?:http|ws)s?://[^/?#@\s]+")


def make_transcriber(
    config: Mapping[str, Any] | None,
    accounts: VendorAccounts,
    sample_rate: int,
    addresses: Addresses = deny_all,
) -> STTService | None:
    """The service for one call; None: nobody listens, keys are heard all the same.

    ``config``: the assistant's ``transcriber``. ``sample_rate``: the call's, in hertz; the service
    takes 16-bit mono of it. ``addresses``: the rule for servers that a client chose; without it
    none of them is asked. Blocks. Raises ``UnbuildableAssistant``.
    """
    if not config:
        return None
    provider = config.get("provider")
    if provider == "embedded":
        ears = import_module("app.vendors.embedded.stt")
        service: STTService = ears.make(config, sample_rate)
        return service
    vendor = VENDORS.get(provider) if isinstance(provider, str) else None
    if vendor is None:
        known = ", ".join([*VENDORS, "embedded"])
        text = f"There is no transcriber {provider!r}: transcriber.provider is one of {known}."
        raise UnbuildableAssistant(STAGE, str(provider), text)
    access = _checked(str(provider), vendor, accounts)
    if access.client_supplied and access.url:
        check_address(STAGE, str(provider), access.url, addresses)
    module = import_module(f"app.vendors.{vendor.module}.stt")
    made: STTService = module.make(config, access, sample_rate)
    if vendor.address is None:
        made.addresses = addresses  # type: ignore[attr-defined]  # the assistant names its server
    return made


def transcriber_failure(provider: str) -> EndedReason:
    """How a call ends whose transcriber failed for good."""
    return FAILED.get(provider, EndedReason.ASSISTANT_ERROR)


def _checked(provider: str, vendor: Vendor, accounts: VendorAccounts) -> VendorAccount:
    """The account with its address filled in."""
    access = accounts.get(provider, NO_ACCOUNT)
    if vendor.address is None:
        return access
    if not access.key and not access.url:
        text = (
            f"There is no key for {provider}: store a credential of that provider, or set its key."
        )
        raise UnbuildableAssistant(STAGE, provider, text)
    url = (access.url or vendor.address).rstrip("/")
    if not _ORIGIN.fullmatch(url):
        text = f"The address of the transcriber {provider} must be like {vendor.address}, without a path."
        raise UnbuildableAssistant(STAGE, provider, text)
    return replace(access, key=access.key or NO_KEY, url=url)
