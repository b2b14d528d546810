"""Imports the parts of vendors, and builds each service once, ahead of the first call.

A vendor's SDK takes up to a second. The first service of a kind reads the certificates and imports
the rest of the SDK. Nothing here opens a connection: a service connects in a pipeline only. The
programs of this machine start here, because their models take seconds.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from functools import partial
from pkgutil import resolve_name
from typing import Any

from app.vendors import llm, registry, stt, tts
from app.vendors.common import local_program
from app.vendors.common.account import NO_ACCOUNT, VendorAccount, VendorAccounts
from app.vendors.common.vendor import LocalProgram, Vendor

# The account of the services that are built here. https://www.rfc-editor.org/rfc/rfc2606
NOBODY = VendorAccount("preload", "https://preload.invalid")
SAMPLE_RATE = 8000
NONE: VendorAccounts = {}

log = logging.getLogger(__name__)


def load_parts(names: Iterable[str], accounts: VendorAccounts = NONE) -> None:
    """Import and build what the vendors of these names have. ``accounts``: the operator's.

    A part that fails here fails again in the call that uses it, which says so.
    """
    for name in sorted(set(names) & registry.VENDORS.keys()):
        vendor = registry.VENDORS[name]
        if vendor.program:
            _start(name, vendor.program, accounts)
        for make, build in _parts(vendor, accounts):
            try:
                resolve_name(make)
                build()
            except Exception as error:  # a foreign SDK may raise anything
                log.debug("a part of %s is not preloaded: %s", name, error)


def _start(name: str, program: LocalProgram, accounts: VendorAccounts) -> None:
    """Start a program of this machine. One that is not installed is nothing to say, unless asked for."""
    account = accounts.get(name, NO_ACCOUNT)
    if lack := local_program.lacking(program, {"provider": name}, account):
        log.log(logging.WARNING if name in accounts else logging.DEBUG, "%s", lack)
        return
    try:
        asyncio.run(local_program.start(program, account))
    except Exception as error:  # the call that uses it says so too
        log.warning("%s does not start: %s", name, error)


def _parts(vendor: Vendor, accounts: VendorAccounts) -> list[tuple[str, Callable[[], Any]]]:
    """The name of each part's function, and what builds a service with it."""
    config = {"provider": vendor.name}
    if not vendor.program:  # it has no account, but perhaps a folder
        accounts = {vendor.name: NOBODY}
    parts: list[tuple[str, Callable[[], Any]]] = []
    if vendor.llm:
        model = {**config, "model": vendor.llm.model or "preload"}
        parts.append((vendor.llm.make, partial(llm.make_model, model, accounts)))
    if vendor.stt:
        build = partial(stt.make_transcriber, config, accounts, SAMPLE_RATE)
        parts.append((vendor.stt.make, build))
    if vendor.tts:
        voice = {**config, "voiceId": "preload"} if vendor.tts.needs_account else config
        parts.append((vendor.tts.make, partial(tts.make_voice, voice, accounts, SAMPLE_RATE)))
    if vendor.speech:
        parts.append((vendor.speech.make, lambda: None))
    return parts
