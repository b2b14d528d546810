"""The keys of vendors: each is tried with one request that changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from app.default_org import ORG_ID
from app.doctor.finding import Finding
from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.installation import operators
from app.domain.context import Context
from app.domain.resources.vendor_accounts import account_of, accounts_for_call
from app.net.http import SendError, get
from app.store.vault import WrongKey
from app.vendors import registry, vapi
from app.vendors.common.account import VendorAccount
from app.vendors.key_requests import KeyRequest, key_request
from providers.common.json_types import JsonObject

SECONDS = 5.0
"""Limit of one request."""
AT_ONCE = 8
"""Requests at a time."""
NO_LEAVE = b"missing_permissions"
"""In the answer of a vendor whose restricted key is valid, but may not ask this."""
REFUSED = {401, 403}


def check(context: Context) -> Iterator[Finding]:
    """The environment's accounts, and the newest that is stored for each vendor."""
    with context.store.read() as conn:
        found = accounts_for_call(context, conn, ORG_ID, AssistantConfig({}))
    held = {name: account for name, account in sorted(found.items()) if account.key}
    private = context.settings.allow_private_server_urls
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(partial(tried, private), held, held.values())


def stored(context: Context, row: JsonObject) -> Finding:
    """Try one stored credential of a vendor."""
    label = f"key of {row['provider']} (stored credential)"
    try:
        account = account_of(context, row)
    except WrongKey as error:
        return Finding("error", f"{label}: {error}")
    if account is None:
        return Finding("error", f"{label}: it cannot be used: replace it")
    return tried(context.settings.allow_private_server_urls, row["provider"], account)


def of_environment(context: Context, name: str) -> Finding | None:
    """Try the environment's key of one vendor; None: there is none."""
    account = operators(context.settings).get(name)
    if account is None or not account.key:
        return None
    return tried(context.settings.allow_private_server_urls, name, account)


def tried(private: bool, name: str, account: VendorAccount) -> Finding:
    """Try one key. ``private``: a client's own address may be on our network."""
    label = _label(name, account)
    if name == vapi.VENDOR.name and not vapi.is_installed():
        return Finding("error", f"{label}: {vapi.MISSING}")
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
