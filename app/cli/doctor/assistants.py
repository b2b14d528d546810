"""The stored assistants: whether calls of each can begin, and whether ASSISTANT_ID is one of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.cli.doctor.finding import Finding
from app.domain.calls import stored_resources
from app.store.schema import assistants
from app.store.vault import WrongKey
from app.wiring import Services

MOST = 20
"""Lines about assistants that cannot be used."""


def check(patchbay: Services) -> Iterator[Finding]:
    """An error for each that cannot answer, and one line if all can."""
    with patchbay.store.read() as conn:
        query = sa.select(assistants.c.id, assistants.c.org_id).order_by(assistants.c.created_at)
        rows = [(row.id, row.org_id) for row in conn.execute(query)]
        problems = {id: _problem(patchbay, conn, org_id, id) for id, org_id in rows}
    yield from _of_setting(patchbay.settings.assistant_id, problems)
    wrong = [(id, problem) for id, problem in problems.items() if problem]
    for id, problem in wrong[:MOST]:
        yield Finding("error", f"assistant {id} cannot answer: {problem}")
    if len(wrong) > MOST:
        yield Finding("error", f"{len(wrong) - MOST} more assistants cannot answer")
    if rows and not wrong:
        yield Finding("ok", f"assistants: {len(rows)}, and calls of each can begin")


def _of_setting(named: str | None, known: Collection[str]) -> Iterator[Finding]:
    if named and named not in known:
        text = f"ASSISTANT_ID is {named}, and no such assistant is stored"
        yield Finding("error", f"{text}: POST /assistant, and set the id that it answers")


def _problem(patchbay: Services, conn: Connection, org_id: str, id: str) -> str | None:
    try:
        found = stored_resources.stored_assistant(patchbay.context, conn, org_id, id)
    except WrongKey as error:
        return str(error)
    if found is None:
        return None  # deleted meanwhile
    return stored_resources.assistant_problem(patchbay.context, conn, org_id, id, found)
