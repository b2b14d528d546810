"""The stored resources that a new call uses. Each is parsed once, and kept until it changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from sqlalchemy.engine import Connection

from app.domain.assistant import validate
from app.domain.assistant.config import AssistantConfig, Server, server_of
from app.domain.assistant.secrets import split_secrets
from app.domain.context import Context
from app.domain.resources import stored
from app.store import accounts
from app.store.kept import kept
from app.store.resources import get_kept
from app.store.schema import customers, phone_numbers
from providers.common.json_types import JsonDict, JsonObject

WITH_DESTINATIONS = ("hooks", "fallbackDestination")
"""Fields of a number that send a leg somewhere, where an assistant may talk first."""


@dataclass(frozen=True)
class NumberBody:
    """The body of a phone number, with the secrets of its server. Parsed once for all uses."""

    json: JsonObject = field(repr=False)

    @cached_property
    def _parts(self) -> tuple[JsonDict, JsonDict]:
        return split_secrets(self.json)

    @cached_property
    def public(self) -> JsonDict:
        """The body without its secrets."""
        return self._parts[0]

    @cached_property
    def hidden(self) -> JsonDict:
        """The secrets of its destinations, in their places."""
        secrets = self._parts[1]
        return {name: secrets[name] for name in WITH_DESTINATIONS if name in secrets}

    @cached_property
    def server(self) -> Server | None:
        return server_of(self.json)


NO_NUMBER = NumberBody({})


def stored_number(
    context: Context, conn: Connection, org_id: str, number_id: str
) -> JsonObject | None:
    """A number's row, with its ``NumberBody``."""
    row = get_kept(conn, phone_numbers, org_id, number_id)
    return None if row is None else kept_number(context, conn, row)


def kept_number(context: Context, conn: Connection, row: JsonObject) -> JsonObject:
    """The row with its ``NumberBody``, parsed once for all its calls."""

    def parse() -> JsonDict:
        return {**row, "body": NumberBody(stored.unsealed_body(context, row))}

    return kept(conn, ("parsed", row["id"]), parse)


stored_assistant = stored.assistant


def assistant_problem(
    context: Context, conn: Connection, org_id: str, assistant_id: str, assistant: AssistantConfig
) -> str | None:
    """Why this stored assistant cannot answer a call; checked once for all its calls."""

    def check() -> tuple[str | None]:
        return (validate.problem(assistant.json, context.url_problem),)

    return kept(conn, ("problem", org_id, assistant_id), check)[0]


def stored_customer(
    context: Context, conn: Connection, org_id: str, customer_id: str
) -> JsonDict | None:
    row = get_kept(conn, customers, org_id, customer_id)
    return dict(row["body"]) if row else None


def org_server(context: Context, conn: Connection, org_id: str) -> Server | None:
    """The organisation's server, for a call whose assistant and number name none."""

    def load() -> Server | None:
        org = accounts.get_org(conn, org_id)
        if org is None or not org["server_url"]:
            return None
        return Server(org["server_url"], context.vault.open(org["secret"]).get("serverSecret"))

    return kept(conn, ("server", org_id), load)
