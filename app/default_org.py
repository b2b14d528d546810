"""The default organisation: every start creates or updates it from the settings.

Its ids derive from its names, so several processes can do this at once.
"""

from __future__ import annotations

import logging
import uuid
from contextlib import suppress

from sqlalchemy.engine import Connection

from app import default_number
from app.default_number import NAMESPACE
from app.domain.context import Context
from app.domain.login import keys
from app.domain.login.keys import FROM_SETTING
from app.settings import CarrierSettings, Settings
from app.store import accounts, resources
from app.store.again import one_transaction
from app.store.vault import WrongKey, digest, new_token
from providers.common.json_types import JsonDict, JsonObject

ORG_ID = str(uuid.uuid5(NAMESPACE, "default organisation"))
ASSISTANT = "assistantId"
"""Where the organisation's row remembers ASSISTANT_ID."""
ADDRESSES = ("server_url", "owner_callback_url")
"""The settings that the organisation's row has open."""

log = logging.getLogger(__name__)


@one_transaction
def create_default_org(context: Context, *, is_start: bool = False) -> str | None:
    """The generated API key, if any. Only its digest is stored, so this is the time to show it.

    ``is_start``: the server starts, so what its settings name no more is removed. A command does
    not: its shell may lack the server's settings.
    """
    now, secret = context.now(), _secret(context.settings)
    with context.store.write() as conn:
        # Else a PATCH of one number waits for us at the revision, and we wait for that number.
        resources.hold_org(conn, ORG_ID)
        org: JsonDict = {
            "id": ORG_ID,
            "name": "default",
            "server_url": context.settings.server_url,
            "owner_callback_url": context.settings.owner_callback_url,
            "created_at": now,
            "updated_at": now,
        }
        known = accounts.get_org(conn, ORG_ID)
        if is_start:
            _follow_removed(context, conn, known, secret)
        else:
            org |= {name: org[name] or (known and known[name]) for name in ADDRESSES}
            secret = {**_remembered(context, known), **secret}
        org["secret"] = _sealed(context, known, secret)
        if not _is_same(known, org):
            accounts.put_org(conn, org)
        for carrier in context.settings.carriers:
            _carrier(context, conn, carrier)
        return _first_key(context, conn)


def add_key(context: Context, conn: Connection, key: str, name: str) -> None:
    """Store a key of the default organisation. The same key twice is one row."""
    keys.add(context, conn, ORG_ID, key, name)


def _first_key(context: Context, conn: Connection) -> str | None:
    if context.settings.api_key:
        _follow_setting(context, conn, context.settings.api_key)
        return None
    if any(row["revoked_at"] is None for row in accounts.list_keys(conn)):
        return None
    if not context.settings.development:
        log.warning("no API key exists: set API_KEY, or run `patchbay keys create`")
        return None
    key = new_token()
    add_key(context, conn, key, "generated")
    return key


def _follow_setting(context: Context, conn: Connection, key: str) -> None:
    """Delete the previous API_KEY: a changed setting revokes the old key."""
    add_key(context, conn, key, FROM_SETTING)
    for row in accounts.list_keys(conn):
        if row["name"] == FROM_SETTING and row["digest"] != digest(key):
            accounts.revoke_key(conn, row["id"], context.now())


def _carrier(context: Context, conn: Connection, carrier: CarrierSettings) -> None:
    provider = context.providers[carrier.provider]
    ref, body, secrets = provider.config.credential(carrier.credential)
    provider.config.account(ref, secrets)  # raises if the account cannot work
    now = context.now()
    credential_id = str(uuid.uuid5(NAMESPACE, f"{carrier.provider} {ref}"))
    common: JsonDict = {"org_id": ORG_ID, "created_at": now, "updated_at": now}
    known = accounts.get_credential(conn, credential_id)
    credential = {
        **common,
        "id": credential_id,
        "provider": carrier.provider,
        "account_ref": ref,
        "body": body,
        "secret": _sealed(context, known, secrets),
        "managed": True,
    }
    if not _is_same(known, credential):
        accounts.put_credential(conn, credential)
    numbers = {**common, "credential_id": credential_id}
    default_number.put(context, conn, numbers, carrier, ref)


def _follow_removed(
    context: Context, conn: Connection, known: JsonObject | None, settings: JsonObject
) -> None:
    """Take back what earlier settings made, and these do not name. ``settings``: ``_secret``."""
    default_number.remove_others(context, conn, ORG_ID)
    with suppress(WrongKey):
        before = context.vault.open(known["secret"] if known else None)
        if ASSISTANT in before and ASSISTANT not in settings:
            default_number.forget_assistant(conn, ORG_ID, before[ASSISTANT])


def _remembered(context: Context, known: JsonObject | None) -> JsonDict:
    """What the last start sealed: a command without these settings must not forget it."""
    with suppress(WrongKey):
        return {**context.vault.open(known["secret"] if known else None)}
    return {}


def _secret(settings: Settings) -> JsonDict:
    """What the organisation's row keeps sealed: the secret, and what the next start compares."""
    given = {"serverSecret": settings.server_secret, ASSISTANT: settings.assistant_id}
    return {name: value for name, value in given.items() if value}


def _sealed(context: Context, known: JsonObject | None, secrets: JsonObject) -> bytes | None:
    """The stored seal while it holds the same: a process of the version before can open it."""
    sealed: bytes | None = known["secret"] if known else None
    with suppress(WrongKey):
        if context.vault.open(sealed) == secrets:
            return sealed
    return context.vault.seal(secrets)


def _is_same(known: JsonObject | None, values: JsonObject) -> bool:
    """Whether a write would change nothing. Each write makes all processes read their rows anew."""
    times = {"created_at", "updated_at"}
    return known is not None and all(known[n] == v for n, v in values.items() if n not in times)
