"""Imports the parts of vendors, and builds each service once, ahead of the first call.

A vendor's SDK takes up to a second. The first service of a kind reads the certificates and imports
the rest of the SDK. Nothing here opens a connection: a service connects in a pipeline only.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import partial
from pkgutil import resolve_name
from typing import Any

from app.vendors import llm, registry, stt, tts
from app.vendors.common.account import VendorAccount
from app.vendors.common.vendor import Vendor

# The account of the services that are built here. https://www.rfc-editor.org/rfc/rfc2606
NOBODY = VendorAccount("preload", "https://preload.invalid")
SAMPLE_RATE = 8000

log = logging.getLogger(__name__)


def load_parts(names: Iterable[str]) -> None:
    """Import and build what the vendors of these names have.

    A part that fails here fails again in the call that uses it, which says so.
    """
    for name in sorted(set(names) & registry.VENDORS.keys()):
        for make, build in _parts(registry.VENDORS[name]):
            try:
                resolve_name(make)
                build()
            except Exception as error:  # a foreign SDK may raise anything
                log.debug("a part of %s is not preloaded: %s", name, error)


def _parts(vendor: Vendor) -> list[tuple[str, Callable[[], Any]]]:
    """The name of each part's function, and what builds a service with it."""
    config, accounts = {"provider": vendor.name}, {vendor.name: NOBODY}
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
