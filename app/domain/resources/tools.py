"""Tools that assistants name by id: their resource, and the assistant that has them.

A call gets them when its assistant joins. So a tool that was changed or deleted meanwhile counts.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from sqlalchemy.engine import Connection

from app.domain.assistant import hooks
from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.fields import Json, list_of, object_of, texts_of
from app.domain.assistant.outgoing import check_outgoing
from app.domain.assistant.secrets import split_secrets
from app.domain.context import Context
from app.domain.errors import Invalid
from app.domain.ids import parse_uuid
from app.domain.overlay import merge
from app.domain.resources import files
from app.domain.resources.base import ResourceStore
from app.store.resources import get_kept
from app.store.schema import tools
from providers.common.json_types import JsonDict, JsonObject

MOST = 100
"""Tools that one assistant may name."""
OWN_FIELDS = frozenset({"id", "orgId", "createdAt", "updatedAt", "latestVersion"})
"""Fields that a client sends back with a tool it read."""
APPENDED = "tools:append"
"""Vapi's field of ``assistantOverrides``: tools beside those of the assistant."""

log = logging.getLogger(__name__)


class Tools(ResourceStore):
    """Tools: any field of Vapi's, stored as sent."""

    what = "Tool"
    table = tools

    def values(self, conn: Connection, org_id: str, body: JsonObject) -> JsonDict:
        given = {name: value for name, value in body.items() if name not in OWN_FIELDS}
        check_outgoing(given, self.context.url_problem, holders=("tools",))
        self.check_servers(conn, org_id, given, "tools")
        files.check(conn, org_id, given)
        public, secret = split_secrets(given, "tools")
        return {"body": public, "secret": self.context.vault.seal(secret)}


def check_ids(conn: Connection, org_id: str, assistant: Json, path: str = "") -> None:
    """Raises ``Invalid`` for an assistant that names a tool which does not exist.

    ``path``: of the assistant within the client's body, with a dot.
    """
    model = object_of(assistant, "model")
    given = list_of(model, "toolIds")
    if len(given) > MOST:
        raise Invalid(f"{path}model.toolIds must contain no more than {MOST} elements")
    for id in (*given, *hooks.tool_ids(assistant)):
        if not isinstance(id, str) or _row(conn, org_id, id) is None:
            field = "model.toolIds" if id in given else "hooks"
            raise Invalid(f"Couldn't Get Tool. `{path}{field}` {id} Does Not Exist.")


def with_tools(
    context: Context, conn: Connection, org_id: str, assistant: AssistantConfig
) -> AssistantConfig:
    """The assistant with the tools it names by id, and the appended ones, in ``model.tools``.

    Hooks get those that their actions name.
    A tool that is not there any more is left out, and the log has a line.
    """
    model = object_of(assistant.json, "model")
    ids, appended = texts_of(model, "toolIds")[:MOST], list_of(assistant.json, APPENDED)
    hooked = hooks.tool_ids(assistant.json)
    if not ids and not appended and not hooked:
        return assistant
    known = _stored(context, conn, org_id, [*ids, *hooked])
    found = [known[id] for id in dict.fromkeys(ids) if id in known]
    whole = {**model, "tools": [*list_of(model, "tools"), *found, *appended]}
    made = {**assistant.json, "model": whole}
    if hooked:
        made["hooks"] = hooks.with_tools(assistant.json, known)
    return AssistantConfig(made)


def _stored(
    context: Context, conn: Connection, org_id: str, ids: Sequence[str]
) -> Mapping[str, JsonDict]:
    """The tools by their ids."""
    found = dict[str, JsonDict]()
    for id in dict.fromkeys(ids):
        row = _row(conn, org_id, id)
        if row is None:
            log.warning("tool %s of an assistant does not exist: it is left out", id[:40])
        else:
            found[id] = merge(row["body"], context.vault.open(row["secret"]))
    return found


def _row(conn: Connection, org_id: str, id: str) -> JsonObject | None:
    known = parse_uuid(id)
    return get_kept(conn, tools, org_id, known) if known else None
