"""Stored resources with a value that can no longer be sent: the rules were laxer when they came."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.domain.assistant.behaviour import behaviour_problems, number_problems
from app.domain.assistant.outgoing import check_outgoing
from app.domain.context import Context
from app.domain.errors import Invalid
from app.domain.overlay import merge
from app.domain.resources import vendor_accounts
from app.store.schema import assistants, credentials, phone_numbers
from app.store.vault import WrongKey
from app.vendors import registry
from providers.common.json_types import JsonDict, JsonObject

KINDS = (("assistant", assistants), ("phone-number", phone_numbers), ("credential", credentials))
"""The paths of the API, and their tables."""
MAX_LINE = 300


def unsendable(context: Context, conn: Connection) -> Iterator[str]:
    """One line for each resource: its path, and its fields without their values."""
    for kind, table in KINDS:
        for row in conn.execute(sa.select(table).order_by(table.c.created_at)).mappings():
            problem = _problem(context, kind, {**row})
            if problem:
                yield f"/{kind}/{row['id']}: {_plain(problem)}"


def _problem(context: Context, kind: str, row: JsonDict) -> str | None:
    try:
        body = merge(row["body"], context.vault.open(row["secret"]))
        if kind == "credential":
            _check_credential(context, row, body)
        else:
            judge = number_problems if kind == "phone-number" else behaviour_problems
            check_outgoing(body, context.url_problem, behaviour=judge)
    except Invalid as error:
        return f"PATCH it: {error}"
    except WrongKey as error:
        return str(error)
    return None


def _check_credential(context: Context, row: JsonDict, body: JsonObject) -> None:
    """A vendor's. A carrier is asked itself, with its account."""
    if row["provider"] in registry.with_account():
        fields: dict[str, Any] = {name: value for name, value in body.items() if name != "name"}
        vendor_accounts.check(context, row["provider"], fields)


def _plain(text: str) -> str:
    """One line: the name of a field is a client's own text."""
    line = "".join(sign if sign.isprintable() else "?" for sign in text)
    return line if len(line) <= MAX_LINE else line[:MAX_LINE] + "…"
