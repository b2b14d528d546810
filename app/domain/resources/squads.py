"""Squads: their resource, and what the API checks of one before it is stored or called.

https://docs.vapi.ai/api-reference/squads/create
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from sqlalchemy.engine import Connection

from app.domain.assistant import installation, squad
from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.fields import Json, object_of, objects_of, text_of
from app.domain.assistant.outgoing import check_credential_ids, check_outgoing
from app.domain.assistant.secrets import split_secrets
from app.domain.context import Context
from app.domain.errors import Invalid, NotFound
from app.domain.ids import parse_uuid
from app.domain.resources import files, server_credentials, stored
from app.domain.resources.base import ResourceStore
from app.domain.resources.structured_outputs import check_own
from app.domain.resources.tools import check_ids
from app.store.resources import get_kept
from app.store.schema import squads
from providers.common.json_types import JsonDict, JsonObject

OWN_FIELDS = frozenset({"id", "orgId", "createdAt", "updatedAt"})
"""Fields that a client sends back with a squad it read."""


class Squads(ResourceStore):
    """Squads: any field of Vapi's, stored as sent."""

    what = "Squad"
    table = squads

    def values(self, conn: Connection, org_id: str, body: JsonObject) -> JsonDict:
        given = {name: value for name, value in body.items() if name not in OWN_FIELDS}
        check(self.context, conn, org_id, given)
        public, secret = split_secrets(given)
        return {"body": public, "secret": self.context.vault.seal(secret)}


def check(
    context: Context, conn: Connection, org_id: str, given: JsonObject, path: str = ""
) -> None:
    """Raises ``Invalid`` for a squad with what does not exist, or what can never be done.

    ``path``: of the squad within the client's body, with a point.
    """
    check_outgoing(given, context.url_problem, path)
    find = stored.finder(context, conn, org_id)
    for where, assistant_id in _ids(given, path):
        if find(assistant_id) is None:
            raise Invalid(f"Couldn't Get Assistant. `{where}` {assistant_id} Does Not Exist.")
    for where, part in _parts(given, path):
        check_assistant(context, conn, org_id, part, where)
    members = squad.members(given, find)
    for number, member in enumerate(members):
        where = f"{path}{squad.MEMBERS}.{number}.assistant."
        installation.refuse(member.assistant, context.settings, where)
        if member.assistant.transport.by_carrier is not members[0].assistant.transport.by_carrier:
            raise Invalid(f"{where}transport.conversationType: {squad.OTHER_TRANSPORT}")


@dataclass(frozen=True, slots=True)
class ChosenSquad:
    """The squad of a call: with its secrets, and with the request's overrides."""

    id: str | None
    """Of the stored squad; None: the request has the squad itself."""
    json: JsonObject = field(repr=False)
    first_id: str | None = None
    """The id of the first member's stored assistant."""


def whole(context: Context, conn: Connection, org_id: str, squad_id: str) -> JsonDict:
    """The stored squad with its secrets. Raises ``NotFound``."""
    known = parse_uuid(squad_id)
    row = get_kept(conn, squads, org_id, known) if known else None
    if row is None:
        raise NotFound("Squad", squad_id)
    return stored.unsealed_body(context, row)


class FirstOfSquad(NamedTuple):
    """The squad of a new call, and its first member."""

    squad: ChosenSquad
    first: AssistantConfig


def of_id(
    context: Context,
    conn: Connection,
    org_id: str,
    squad_id: str,
    *overrides: JsonObject | None,
) -> FirstOfSquad:
    """A stored squad. Raises ``Invalid``."""
    try:
        found = whole(context, conn, org_id, squad_id)
    except NotFound:
        text = f"Couldn't Get Squad. `squadId` {squad_id[:100]} Does Not Exist."
        raise Invalid(text) from None
    given = squad.with_overrides(found, *overrides)
    return _first(context, conn, org_id, parse_uuid(squad_id), given)


def of_body(
    context: Context,
    conn: Connection,
    org_id: str,
    given: JsonObject,
    *overrides: JsonObject | None,
) -> FirstOfSquad:
    """A squad that a request has itself. Raises ``Invalid``."""
    check(context, conn, org_id, given, "squad.")
    return _first(context, conn, org_id, None, squad.with_overrides(given, *overrides))


def check_assistant(
    context: Context, conn: Connection, org_id: str, part: JsonDict, path: str = ""
) -> None:
    """Raises ``Invalid`` for an assistant of a squad, or overrides, with what cannot be done."""
    check_outgoing(part, context.url_problem, path)
    check_credential_ids(part, partial(server_credentials.missing, conn, org_id), path)
    check_own(part, path)
    files.check(conn, org_id, part, path)
    check_ids(conn, org_id, part, path)


def _first(
    context: Context, conn: Connection, org_id: str, squad_id: str | None, given: JsonDict
) -> FirstOfSquad:
    listed = squad.members(given, stored.finder(context, conn, org_id))
    if not listed:
        raise Invalid("Couldn't Get Squad. None Of Its Assistants Exists.")
    first = listed[0]
    installation.refuse(first.assistant, context.settings, "squad.members.0.assistant.")
    return FirstOfSquad(ChosenSquad(squad_id, given, first.assistant_id), first.assistant)


def _ids(given: Json, path: str) -> Iterator[tuple[str, str]]:
    for number, member in enumerate(objects_of(given, squad.MEMBERS)):
        if assistant_id := text_of(member, "assistantId"):
            yield f"{path}{squad.MEMBERS}.{number}.assistantId", assistant_id


def _parts(given: Json, path: str) -> Iterator[tuple[str, JsonDict]]:
    """The assistants and overrides of a squad, with their paths and a point."""
    shared = object_of(given, squad.OVERRIDES)
    if shared:
        yield f"{path}{squad.OVERRIDES}.", dict(shared)
    for number, member in enumerate(objects_of(given, squad.MEMBERS)):
        for name in ("assistant", "assistantOverrides"):
            part = object_of(member, name)
            if part:
                yield f"{path}{squad.MEMBERS}.{number}.{name}.", dict(part)
