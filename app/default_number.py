"""The phone numbers of the settings: made, changed and removed as the settings say.

A number's id derives from its carrier and its digits, so a client's own number is never one of these.
"""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.domain.context import Context
from app.domain.ids import parse_uuid
from app.domain.resources.credentials import drop_unused
from app.settings import CarrierSettings
from app.store import accounts, resources
from app.store.engine import every
from app.store.schema import phone_numbers
from providers.common.json_types import JsonDict

NAMESPACE = uuid.UUID("6a3c2b1e-0d57-5d0e-9a55-70a7c4ba7000")


def number_id(provider: str, number: str) -> str:
    return str(uuid.uuid5(NAMESPACE, f"{provider} number {number}"))


def put(
    context: Context, conn: Connection, common: JsonDict, carrier: CarrierSettings, ref: str
) -> None:
    """Store the number of this carrier's settings, if there is one. ``common``: columns of a row."""
    if not carrier.number:
        return
    provider, number = context.providers[carrier.provider], e164(carrier.number)
    field = provider.number_fields.account_ref
    account = {field: ref} if field else {}
    accounts.put_number(
        conn,
        {
            **common,
            "id": number_id(carrier.provider, number),
            "provider": carrier.provider,
            "number": number,
            "assistant_id": parse_uuid(context.settings.assistant_id or ""),
            "body": {"name": f"{carrier.provider} (environment)", **account},
            "secret": None,
        },
    )


def remove_others(context: Context, conn: Connection, org_id: str) -> None:
    """Remove the numbers of earlier settings, with an account that nothing needs any more."""
    named = {
        number_id(carrier.provider, e164(carrier.number))
        for carrier in context.settings.carriers
        if carrier.number
    }
    for row in _of_settings(conn, org_id):
        if row["id"] not in named:
            resources.delete(conn, phone_numbers, org_id, row["id"])
            if row["provider"] in context.providers:  # the plugin that brought it may be gone
                drop_unused(context, conn, org_id, row["credential_id"])


def forget_assistant(conn: Connection, org_id: str, assistant_id: str) -> None:
    """Take an earlier ASSISTANT_ID from the numbers. An assistant of a ``PATCH`` stays."""
    for row in _of_settings(conn, org_id):
        if row["assistant_id"] == assistant_id:
            resources.update(conn, phone_numbers, org_id, row["id"], {"assistant_id": None})


def e164(number: str) -> str:
    """A setting may leave out the plus."""
    return "+" + number.lstrip("+")


def _of_settings(conn: Connection, org_id: str) -> list[JsonDict]:
    rows = every(conn.execute(sa.select(phone_numbers).where(phone_numbers.c.org_id == org_id)))
    return [{**row} for row in rows if row["id"] == number_id(row["provider"], row["number"])]
