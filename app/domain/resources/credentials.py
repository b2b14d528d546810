"""Accounts at carriers and at vendors (``resources/vendor_accounts.py``).

A carrier's part defines the fields of its accounts. A client creates a credential. A
*managed* one comes from the environment, or from a phone number whose body named the account.
It is deleted with the last number that refers to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy.engine import Connection

from app.domain.context import Context
from app.domain.errors import Invalid
from app.domain.resources import server_credentials, vendor_accounts
from app.domain.resources.base import ResourceStore
from app.store import resources as store
from app.store.ids import new_id
from app.store.schema import credentials
from app.vendors import registry
from providers.base.carrier import Carrier
from providers.common.json_types import JsonDict, JsonObject
from providers.errors import NotConfigured

OUR_FIELDS = frozenset({"provider", "name"})
"""Fields of a credential's body that the carrier's part does not read."""


class _Watched(JsonObject):
    """A body that remembers which of its fields were read: the others are unknown fields."""

    def __init__(self, body: JsonObject) -> None:
        self.body = body
        self.read: set[str] = set(OUR_FIELDS)

    def __getitem__(self, name: str) -> Any:
        self.read.add(name)
        return self.body[name]

    def __iter__(self) -> Iterator[str]:
        self.read.update(self.body)
        return iter(self.body)

    def __len__(self) -> int:
        return len(self.body)


class Credentials(ResourceStore):
    """Credentials. The API shows a carrier's public fields, and a vendor's fields without keys."""

    what = "Credential"
    table = credentials

    def values(self, conn: Connection, org_id: str, body: JsonObject) -> JsonDict:
        values = _columns(self.context, body["provider"], body)
        return {**values, "body": {**values["body"], **_name(body)}, "managed": False}

    def changes(self, conn: Connection, row: JsonObject, body: JsonObject) -> JsonDict:
        """Change only the name, or all fields of the account: one secret cannot be checked."""
        if body.get("provider") not in {None, row["provider"]}:
            raise Invalid("The provider of a credential cannot be changed.")
        name = _name(body if "name" in body else row["body"])
        fields = {k: v for k, v in body.items() if k not in OUR_FIELDS and v is not None}
        if not fields:
            kept = {k: v for k, v in row["body"].items() if k != "name"}
            return {"body": {**kept, **name}}
        if _is_servers(row["provider"]):
            fields = server_credentials.patched(self.context, row, fields)
        values = _columns(self.context, row["provider"], fields)
        if values["account_ref"] != row["account_ref"]:
            raise Invalid("The account of a credential cannot be changed: create another one.")
        return {**values, "body": {**values["body"], **name}}

    def remove(self, conn: Connection, row: JsonObject) -> None:
        number = store.number_with(conn, row["id"])
        if number is not None:
            used = f"Phone Number `{number['id']}` ({number['number']}) Uses It."
            raise Invalid(f"Couldn't Delete Credential. {used}")
        call = store.unfinished_call_with(conn, row["org_id"], row["id"])
        if call is not None:
            raise Invalid(f"Couldn't Delete Credential. Call `{call}` Uses It.")
        super().remove(conn, row)

    def json(self, row: JsonObject) -> JsonDict:
        more = server_credentials.NO_SESSION if _is_servers(row["provider"]) else {}
        return {**super().json(row), "provider": row["provider"], **more}


def managed(
    context: Context, conn: Connection, org_id: str, carrier: Carrier, fields: JsonObject
) -> JsonObject:
    """The row for an account: one with the same secrets, else a new one.

    A different secret never replaces the stored one: it may be a typing mistake.
    """
    values = _account(context, carrier, fields)
    secret = context.vault.open(values["secret"])
    for known in store.find_account(conn, org_id, carrier.name, values["account_ref"]):
        if context.vault.open(known["secret"]) == secret:
            return known
    now = context.now()
    row = {"id": new_id(), "org_id": org_id, "created_at": now, "updated_at": now}
    row |= {**values, "managed": True}
    store.insert(conn, credentials, row)
    return row


def drop_unused(context: Context, conn: Connection, org_id: str, credential_id: str) -> None:
    """Delete a managed credential after its last number, unless a call still needs it."""
    row = store.get(conn, credentials, org_id, credential_id)
    if row is None or not row["managed"] or is_configured(context, row):
        return
    number = store.number_with(conn, credential_id)
    if number is None and store.unfinished_call_with(conn, org_id, credential_id) is None:
        store.delete(conn, credentials, org_id, credential_id)


def is_configured(context: Context, row: JsonObject) -> bool:
    """Whether the environment names the account of a managed credential."""
    return row["account_ref"] in {
        context.providers[carrier.provider].config.credential(carrier.credential)[0]
        for carrier in context.settings.carriers
        if carrier.provider == row["provider"]  # the plugin that brought it may be gone
    }


def _is_servers(provider: str) -> bool:
    return provider in server_credentials.PROVIDERS


def _columns(context: Context, name: str, body: JsonObject) -> JsonDict:
    """The columns of an account at a carrier or vendor, or of a server's. Raises ``Invalid``."""
    if _is_servers(name):
        given = {k: v for k, v in body.items() if k not in OUR_FIELDS}
        return server_credentials.columns(context, name, given)
    if name not in registry.with_account():
        return _account(context, context.providers[name], body)
    return vendor_accounts.columns(
        context, name, {k: v for k, v in body.items() if k not in OUR_FIELDS}
    )


def _account(context: Context, carrier: Carrier, body: JsonObject) -> JsonDict:
    """The columns of a carrier account. Raises ``Invalid`` if the carrier's part refuses it."""
    watched = _Watched(body)
    try:
        ref, public, secrets = carrier.config.credential(watched)
    except NotConfigured as error:
        raise Invalid(str(error)) from error
    unknown = [name for name in body if name not in watched.read]
    if unknown:
        raise Invalid([f"property {name} should not exist" for name in unknown])
    sealed = context.vault.seal(secrets)
    return {"provider": carrier.name, "account_ref": ref, "body": public, "secret": sealed}


def _name(body: JsonObject) -> JsonDict:
    return {"name": body["name"]} if body.get("name") is not None else {}
