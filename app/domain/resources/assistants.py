"""What ids in a call's body stand for, kept per organisation: the four kinds, joined.

Assistants and customers stand here, because they need nothing but what all kinds have.
"""

from __future__ import annotations

from sqlalchemy.engine import Connection

from app.domain.context import Context
from app.domain.resources.base import ResourceStore
from app.domain.resources.credentials import Credentials
from app.domain.resources.phone_numbers import PhoneNumbers
from app.store.schema import assistants, customers
from providers.common.json_types import JsonDict, JsonObject

OWN_FIELDS = frozenset({"id", "orgId", "createdAt", "updatedAt"})
"""Set by us; a client that sends an assistant back as it got it sends them too."""


class Assistants(ResourceStore):
    """Assistants: any field of Vapi's, kept as sent."""

    what = "Assistant"
    table = assistants

    def values(self, conn: Connection, org_id: str, body: JsonObject) -> JsonDict:
        return self.sealed({k: v for k, v in body.items() if k not in OWN_FIELDS})


class Customers(ResourceStore):
    """Customers. Vapi's ``customerId`` never had a public resource; here it has one."""

    what = "Customer"
    table = customers

    def values(self, conn: Connection, org_id: str, body: JsonObject) -> JsonDict:
        return {"body": dict(body)}


class ResourceService:
    """What ``app/routes`` calls: one attribute per kind."""

    def __init__(self, context: Context) -> None:
        self.assistants = Assistants(context)
        self.customers = Customers(context)
        self.credentials = Credentials(context)
        self.phone_numbers = PhoneNumbers(context)
