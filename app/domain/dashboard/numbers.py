"""Phone numbers as rows and pages for people."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.engine import Connection

from app.domain.assistant import number_hooks
from app.domain.assistant.fields import Json, object_of, objects_of, text_of, texts_of
from app.domain.assistant.number_hooks import Action, ActionType
from app.domain.context import Context
from app.domain.dashboard.places import place
from app.domain.errors import NotFound
from app.domain.resources.credentials import is_configured
from app.domain.resources.phone_numbers import PhoneNumbers
from app.store import accounts, resources
from app.store.resources import Window
from app.store.schema import assistants, phone_numbers
from providers.base.carrier import phone_carriers
from providers.common.json_types import JsonObject

MOST = 1000
"""Numbers and assistants that a page lists."""
FILTERS = ("startsWith", "oneOf")
"""Fields of a hook's filter that list what it lets through."""


@dataclass(frozen=True, slots=True)
class NumberRow:
    """One phone number. Texts are empty where there is nothing."""

    id: str
    number: str
    name: str
    carrier: str
    account: str
    """The carrier's id of its account."""
    assistant_id: str
    assistant: str
    """Its name, or its id."""
    fallback: str
    """Number or SIP URI of the fallback destination."""
    server_url: str
    hooks: list[str]
    """A sentence for each: when it triggers, and what it does."""
    owner_url: str
    """Where its callbacks are passed on to."""


@dataclass(frozen=True, slots=True)
class AccountChoice:
    """A carrier account that a number may belong to."""

    id: str
    carrier: str
    ref: str
    is_setting: bool


def listing(context: Context, org_id: str) -> list[NumberRow]:
    """The organisation's numbers, the newest first."""
    with context.store.read() as conn:
        named = dict(_assistants(conn, org_id))
        rows = resources.listing(conn, phone_numbers, org_id, Window(MOST))
        return [_row(conn, row, named) for row in rows]


def one(context: Context, org_id: str, id: str) -> NumberRow:
    """One number. Raises ``NotFound``."""
    with context.store.read() as conn:
        row = PhoneNumbers(context).row(conn, org_id, id)
        return _row(conn, row, dict(_assistants(conn, org_id)))


def with_credential(context: Context, org_id: str, id: str) -> tuple[JsonObject, JsonObject]:
    """The rows of a number and of its account. Raises ``NotFound``."""
    with context.store.read() as conn:
        row = PhoneNumbers(context).row(conn, org_id, id)
        credential = accounts.get_credential(conn, row["credential_id"])
    if credential is None:
        raise NotFound("Credential", row["credential_id"])
    return row, credential


def assistants_of(context: Context, org_id: str) -> list[tuple[str, str]]:
    """Id and name of each assistant, in the order of the names."""
    with context.store.read() as conn:
        return sorted(_assistants(conn, org_id), key=lambda pair: pair[1].lower())


def accounts_of(context: Context, org_id: str) -> list[AccountChoice]:
    """The carrier accounts, oldest first."""
    carriers = phone_carriers(context.providers)
    with context.store.read() as conn:
        rows = accounts.org_credentials(conn, org_id, carriers)
    return [
        AccountChoice(
            row["id"],
            row["provider"],
            row["account_ref"],
            bool(row["managed"]) and is_configured(context, row),
        )
        for row in rows
    ]


def _assistants(conn: Connection, org_id: str) -> list[tuple[str, str]]:
    return [(id, name or id) for id, name in resources.names(conn, assistants, org_id, MOST)]


def _row(conn: Connection, row: JsonObject, named: dict[str, str]) -> NumberRow:
    body, assistant_id = row["body"], row["assistant_id"] or ""
    credential = accounts.get_credential(conn, row["credential_id"])
    server = body.get("server") or {}
    return NumberRow(
        id=row["id"],
        number=row["number"],
        name=str(body.get("name") or ""),
        carrier=row["provider"],
        account=credential["account_ref"] if credential else "",
        assistant_id=assistant_id,
        assistant=named.get(assistant_id, assistant_id),
        fallback=place(object_of(body, "fallbackDestination")),
        server_url=str(server.get("url") or body.get("serverUrl") or ""),
        hooks=[_hook(*each) for each in number_hooks.actions(body)],
        owner_url=str(body.get("ownerCallbackUrl") or ""),
    )


def _hook(hook: Json, action: Action) -> str:
    """When it triggers, and what it does."""
    wanted = [
        word
        for each in objects_of(hook, "filters")
        for name in FILTERS
        for word in texts_of(each, name)
    ]
    only = f" ({', '.join(wanted)})" if wanted else ""
    does = {
        ActionType.SAY: f"says: {action.words}",
        ActionType.TRANSFER: f"transfers to {place(action.destination)}",
    }
    return f"{text_of(hook, 'on')}{only} {does[action.type]}"
