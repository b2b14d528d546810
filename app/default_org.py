"""The default organisation: every start creates or updates it from the settings.

Its ids derive from its names, so several processes can do this at once.
"""

from __future__ import annotations

import logging
import uuid
from contextlib import suppress

from sqlalchemy.engine import Connection

from app.domain.context import Context
from app.domain.ids import parse_uuid
from app.settings import CarrierSettings
from app.store import accounts
from app.store.ids import new_id
from app.store.vault import WrongKey, digest, new_token
from providers.common.json_types import JsonDict, JsonObject

NAMESPACE = uuid.UUID("6a3c2b1e-0d57-5d0e-9a55-70a7c4ba7000")
ORG_ID = str(uuid.uuid5(NAMESPACE, "default organisation"))
FROM_SETTING = "API_KEY"
"""Name of the API key that the setting API_KEY holds."""
PREFIX = 8
"""Characters of an API key that are stored in clear, so that a list tells keys apart."""

log = logging.getLogger(__name__)


def create_default_org(context: Context) -> str | None:
    """The generated API key, if any. Only its digest is stored, so this is the time to show it."""
    now = context.now()
    secret = (
        {"serverSecret": context.settings.server_secret} if context.settings.server_secret else {}
    )
    with context.store.write() as conn:
        org: JsonDict = {
            "id": ORG_ID,
            "name": "default",
            "server_url": context.settings.server_url,
            "created_at": now,
            "updated_at": now,
        }
        known = accounts.get_org(conn, ORG_ID)
        org["secret"] = _sealed(context, known, secret)
        if not _is_same(known, org):
            accounts.put_org(conn, org)
        for carrier in context.settings.carriers:
            _carrier(context, conn, carrier)
        return _first_key(context, conn)


def add_key(context: Context, conn: Connection, key: str, name: str) -> None:
    """Store a key of the default organisation. The same key twice is one row."""
    accounts.insert_key(
        conn,
        {
            "id": new_id(),
            "org_id": ORG_ID,
            "name": name,
            "prefix": key[:PREFIX],
            "digest": digest(key),
            "created_at": context.now(),
            "revoked_at": None,
        },
    )


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
    if carrier.number:
        number = "+" + carrier.number.lstrip("+")
        field = provider.number_fields.account_ref
        account = {field: ref} if field else {}
        named = context.settings.assistant_id
        assistant_id = parse_uuid(named) or named if named else None
        accounts.put_number(
            conn,
            {
                **common,
                "id": str(uuid.uuid5(NAMESPACE, f"{carrier.provider} number {number}")),
                "provider": carrier.provider,
                "number": number,
                "credential_id": credential_id,
                "assistant_id": assistant_id,
                "body": {"name": f"{carrier.provider} (environment)", **account},
                "secret": None,
            },
        )


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
