"""The stored assistants: whether calls of each can begin, and whether ASSISTANT_ID is one of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import sqlalchemy as sa

from app.doctor.finding import Finding
from app.domain.assistant.served_fields import Fate
from app.domain.context import Context
from app.domain.errors import NotFound
from app.domain.services.checks import CheckService
from app.store.schema import assistants, phone_numbers
from app.store.vault import WrongKey

MOST = 1000
"""Assistants that are checked, the newest."""
MOST_LINES = 20
"""Assistants that are named."""


def check(context: Context) -> Iterator[Finding]:
    """A line for each that cannot answer, and one if all can."""
    columns = assistants.c
    query = sa.select(columns.id, columns.org_id).order_by(columns.created_at.desc()).limit(MOST)
    with context.store.read() as conn:
        rows = [(row.id, row.org_id) for row in conn.execute(query)]
        used = set(conn.execute(sa.select(phone_numbers.c.assistant_id)).scalars())
    named = context.settings.assistant_id
    yield from _of_setting(context, named)
    wrong = [(id, problems) for id, org_id in rows if (problems := refused(context, org_id, id))]
    for id, problems in wrong[:MOST_LINES]:
        yield _judged(id, problems, {named, *used})
    if len(wrong) > MOST_LINES:
        yield Finding("note", f"{len(wrong) - MOST_LINES} more assistants cannot answer")
    if rows and not wrong:
        yield Finding("ok", f"assistants: calls of each can begin ({len(rows)} checked)")


def _of_setting(context: Context, named: str | None) -> Iterator[Finding]:
    if named is None:
        return
    with context.store.read() as conn:
        query = sa.select(assistants.c.id).where(assistants.c.id == named)
        known = conn.execute(query).first() is not None
    if not known:
        text = f"ASSISTANT_ID is {named}, and no such assistant is stored"
        yield Finding("error", f"{text}: POST /assistant, and set the id that it answers")


def refused(context: Context, org_id: str, id: str) -> Sequence[str]:
    """What keeps its calls from beginning, as ``patchbay check`` says it."""
    try:
        found = CheckService(context).stored(org_id, id)
    except WrongKey as error:
        return [str(error)]
    except NotFound:
        return []  # deleted meanwhile
    return [str(each) for each in found if each.fate is Fate.REFUSED]


def _judged(id: str, problems: Sequence[str], used: Collection[str | None]) -> Finding:
    """One that no number uses may get the rest from the overrides of each call."""
    level = "error" if id in used else "note"
    more = f" (and {len(problems) - 1} more: `patchbay check {id}`)" if problems[1:] else ""
    return Finding(level, f"assistant {id} cannot answer: {problems[0]}{more}")
