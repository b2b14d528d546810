"""The kinds of resources that an operator stores, joined.

Assistants and customers are in this file, because they need only what all kinds share.
"""

from __future__ import annotations

from sqlalchemy.engine import Connection

from app.domain.assistant import installation
from app.domain.assistant.config import AssistantConfig
from app.domain.context import Context
from app.domain.resources import files
from app.domain.resources.base import ResourceStore
from app.domain.resources.credentials import Credentials
from app.domain.resources.files import Files
from app.domain.resources.phone_numbers import PhoneNumbers
from app.domain.resources.squads import Squads
from app.domain.resources.structured_outputs import StructuredOutputs, check_own
from app.domain.resources.tools import Tools, check_ids
from app.store.schema import assistants, customers
from providers.common.json_types import JsonDict, JsonObject

OWN_FIELDS = frozenset({"id", "orgId", "createdAt", "updatedAt"})
"""Fields that we set. A client that sends back an assistant it read sends them too."""


class Assistants(ResourceStore):
    """Assistants: any field of Vapi's, stored as sent."""

    what = "Assistant"
    table = assistants

    def values(self, conn: Connection, org_id: str, body: JsonObject) -> JsonDict:
        self.check_servers(conn, org_id, body)
        check_own(body)
        files.check(conn, org_id, body)
        check_ids(conn, org_id, body)
        given = {k: v for k, v in body.items() if k not in OWN_FIELDS}
        columns = self.sealed(given)
        installation.refuse(AssistantConfig(given), self.context.settings)
        return columns


class Customers(ResourceStore):
    """Customers. Vapi's ``customerId`` has no public resource; Patchbay adds one."""

    what = "Customer"
    table = customers

    def values(self, conn: Connection, org_id: str, body: JsonObject) -> JsonDict:
        return {"body": dict(body)}


class ResourceService:
    """The resources for ``app/routes``: one attribute per kind."""

    def __init__(self, context: Context) -> None:
        self.assistants = Assistants(context)
        self.squads = Squads(context)
        self.tools = Tools(context)
        self.customers = Customers(context)
        self.credentials = Credentials(context)
        self.phone_numbers = PhoneNumbers(context)
        self.files = Files(context)
        self.structured_outputs = StructuredOutputs(context)
