"""Phone numbers: the carrier account and the assistant of each."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from app.domain.assistant import carrier_speech
from app.domain.assistant.behaviour import number_problems
from app.domain.errors import Invalid
from app.domain.resources import stored
from app.domain.resources.base import ResourceStore, paged, patched
from app.domain.resources.credentials import drop_unused
from app.domain.resources.number_account import (
    find_credential,
    find_number,
    number_account,
    refuse_foreign,
)
from app.store import resources as store
from app.store.resources import NumberPage, Window
from app.store.schema import credentials, phone_numbers, squads
from providers.base.carrier import Carrier
from providers.common.json_types import JsonDict, JsonObject

KEPT = (
    "name",
    "serverUrl",
    "serverUrlSecret",
    "server",
    "fallbackDestination",
    "hooks",
    "smsEnabled",
    "queuePlan",
    "squadId",
    "ownerCallbackUrl",
)
"""Fields that are stored and returned as sent; the other fields have columns of their own."""
EITHER = "Use either `assistantId` or `squadId`, not both: null removes the other."


class PhoneNumbers(ResourceStore):
    """Phone numbers."""

    what = "Phone Number"
    table = phone_numbers

    def page(self, org_id: str, window: Window, page: NumberPage) -> JsonDict:
        """One page, in the form of ``paged``."""
        with self.context.store.read() as conn:
            rows, total = store.page(conn, self.table, org_id, window, page)
        return paged([self.json(row) for row in rows], total, window.limit, page.number)

    def values(self, conn: Connection, org_id: str, body: JsonObject) -> JsonDict:
        provider, number, credential = number_account(self.context, conn, org_id, body)
        self._check_new(conn, org_id, provider, number)
        self._check_assistant(conn, org_id, body, provider)
        self.check_servers(conn, org_id, body)
        return self._columns(provider, number, credential, body)

    def same_as(self, conn: Connection, org_id: str, body: JsonObject) -> str | None:
        """The stored number of the same carrier with the same digits."""
        carrier = self.context.providers.get(str(body.get("provider")))
        number = find_number(carrier, body) if carrier else None
        if carrier is None or number is None:
            return None
        known = store.find_number(conn, org_id, carrier.name, number)
        return None if known is None else str(known["id"])

    def changes(self, conn: Connection, row: JsonObject, body: JsonObject) -> JsonDict:
        provider = self.context.providers[row["provider"]]
        asked = {name: value for name, value in body.items() if value is not None}
        self._check_provider(provider, asked)
        self._check_assistant(conn, row["org_id"], asked, provider)
        self.check_servers(conn, row["org_id"], asked)
        number = find_number(provider, asked) or row["number"]
        if number != row["number"]:
            self._check_new(conn, row["org_id"], provider, number)
        credential = self._credential(conn, row, provider, asked)
        before = {**self.full(row), "assistantId": row["assistant_id"]}
        changed = {name: body[name] for name in (*KEPT, "assistantId") if name in body}
        new = patched(before, changed)
        if new.get("assistantId") and new.get("squadId"):
            raise Invalid(EITHER)
        return self._columns(provider, number, credential, new)

    def save(self, conn: Connection, row: JsonObject, values: JsonObject) -> JsonDict:
        saved = super().save(conn, row, values)
        drop_unused(self.context, conn, row["org_id"], row["credential_id"])
        return saved

    def remove(self, conn: Connection, row: JsonObject) -> None:
        super().remove(conn, row)
        drop_unused(self.context, conn, row["org_id"], row["credential_id"])

    def json(self, row: JsonObject) -> JsonDict:
        own = {"provider": row["provider"], "number": row["number"], "status": "active"}
        ids = {"credentialId": row["credential_id"], "assistantId": row["assistant_id"]}
        known = {name: id for name, id in ids.items() if id is not None}
        return {**super().json(row), **own, **known}

    def _columns(
        self,
        carrier: Carrier,
        number: str,
        credential: JsonObject,
        body: JsonObject,
    ) -> JsonDict:
        ref = carrier.number_fields.account_ref
        account = {ref: credential["account_ref"]} if ref else {}
        given = {**account, **{name: body[name] for name in KEPT if name in body}}
        return {
            "provider": carrier.name,
            "number": number,
            "credential_id": credential["id"],
            "assistant_id": body.get("assistantId"),
            **self.sealed(given, number_problems),
        }

    def _credential(
        self,
        conn: Connection,
        row: JsonObject,
        carrier: Carrier,
        asked: JsonObject,
    ) -> JsonObject:
        org_id, id = row["org_id"], row["credential_id"]
        present = store.get(conn, credentials, org_id, id)
        if present is None:
            raise AssertionError(f"phone number {row['id']} has no credential")
        ref = present["account_ref"]
        return find_credential(self.context, conn, org_id, carrier, asked, ref) or present

    def _check_provider(self, carrier: Carrier, asked: JsonObject) -> None:
        if asked.get("provider", carrier.name) != carrier.name:
            raise Invalid("The provider of a phone number cannot be changed.")
        refuse_foreign(self.context, carrier, asked)

    def _check_new(self, conn: Connection, org_id: str, carrier: Carrier, number: str) -> None:
        known = store.find_number(conn, org_id, carrier.name, number)
        if known is not None:
            raise Invalid(f"Existing Phone Number `{known['id']}` Has Identical `number` {number}.")

    def _check_assistant(
        self, conn: Connection, org_id: str, body: JsonObject, carrier: Carrier
    ) -> None:
        id = body.get("assistantId")
        found = stored.assistant(self.context, conn, org_id, id) if id else None
        if id and found is None:
            raise Invalid(f"Couldn't Get Assistant. `assistantId` {id} Does Not Exist.")
        if found is not None and (unfit := carrier_speech.mismatch(found, carrier)):
            raise Invalid(unfit)
        squad_id = body.get("squadId")
        if squad_id and store.get(conn, squads, org_id, squad_id) is None:
            raise Invalid(f"Couldn't Get Squad. `squadId` {squad_id} Does Not Exist.")
