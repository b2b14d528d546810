"""The keys of vendors: each is tried with one request that changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from app.cli.doctor.finding import Finding
from app.default_org import ORG_ID
from app.domain.assistant.config import AssistantConfig
from app.domain.resources.vendor_accounts import accounts_for_call
from app.net.http import SendError, get
from app.vendors import registry
from app.vendors.common.account import VendorAccount
from app.vendors.key_requests import KeyRequest, key_request
from app.wiring import Services

SECONDS = 5.0
"""Limit of one request."""
AT_ONCE = 8
"""Requests at a time."""
NO_LEAVE = b"missing_permissions"
"""In the answer of a vendor whose restricted key is valid, but may not ask this."""
REFUSED = {401, 403}


def check(patchbay: Services) -> Iterator[Finding]:
    """The environment's accounts, and the newest that is stored for each vendor."""
    with patchbay.store.read() as conn:
        found = accounts_for_call(patchbay.context, conn, ORG_ID, AssistantConfig({}))
    held = {name: account for name, account in sorted(found.items()) if account.key}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        tried = partial(_tried, patchbay.settings.allow_private_server_urls)
        yield from pool.map(tried, held, held.values())


def _tried(private: bool, name: str, account: VendorAccount) -> Finding:
    label = _label(name, account)
    request = key_request(name, account)
    if request is None:
        return Finding("note", f"{label}: not tried, there is no request that only tries it")
    foreign = account.client_supplied and account.url is not None
    try:
        answer = get(request.url, request.headers, SECONDS, private or not foreign)
    except SendError as error:
        return Finding("note", f"{label}: not tried: {error}")
    return judged(label, request, answer.status, answer.body)


def judged(label: str, request: KeyRequest, status: int, body: bytes) -> Finding:
    """What the vendor's answer says of the key."""
    place = request.url.partition("?")[0]
    if 200 <= status < 300:
        return Finding("ok", f"{label}: accepted")
    if status in REFUSED and NO_LEAVE not in body:
        return Finding("error", f"{label}: refused, {place} answers {status}; replace the key")
    return Finding("note", f"{label}: not known whether it works, {place} answers {status}")


def _label(name: str, account: VendorAccount) -> str:
    """Where the key is, and never the key."""
    if account.client_supplied:
        return f"key of {name} (stored credential)"
    return f"key of {name} ({registry.VENDORS[name].key_variable})"
