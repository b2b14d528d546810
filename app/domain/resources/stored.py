"""Stored assistants as calls use them: with their secrets, parsed once, kept until they change."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.engine import Connection

from app.domain.assistant.config import AssistantConfig
from app.domain.context import Context
from app.domain.ids import parse_uuid
from app.domain.overlay import merge
from app.store.kept import kept
from app.store.resources import get_kept
from app.store.schema import assistants
from providers.common.json_types import JsonDict, JsonObject


def assistant(
    context: Context, conn: Connection, org_id: str, assistant_id: str
) -> AssistantConfig | None:
    """The assistant with its secrets, parsed once for all its calls."""

    def load() -> AssistantConfig | None:
        row = get_kept(conn, assistants, org_id, assistant_id)
        return None if row is None else AssistantConfig(unsealed_body(context, row))

    return kept(conn, ("parsed", org_id, assistant_id), load)


def finder(
    context: Context, conn: Connection, org_id: str
) -> Callable[[str], AssistantConfig | None]:
    """Finds the organisation's assistants by their ids, which a client may have given."""

    def find(assistant_id: str) -> AssistantConfig | None:
        known = parse_uuid(assistant_id)  # the store accepts only UUIDs
        return assistant(context, conn, org_id, known) if known else None

    return find


def unsealed_body(context: Context, row: JsonObject) -> JsonDict:
    """The row's body, with its sealed secrets."""
    sealed = row.get("secret")
    return merge(row["body"], context.vault.open(sealed)) if sealed else dict(row["body"])
