"""Commands for a live call's assistant, until the process with its media socket takes them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.store.engine import Columns
from app.store.schema import call_commands

_WAITING = sa.and_(
    call_commands.c.call_id.in_(sa.bindparam("calls", expanding=True)),
    call_commands.c.taken_at.is_(None),
)
_WAIT = sa.select(call_commands.c.id).where(_WAITING).limit(1)
_COUNT = sa.select(sa.func.count()).select_from(call_commands).where(_WAITING)
_TAKE = (
    call_commands.update()
    .where(_WAITING)
    .values(taken_at=sa.bindparam("at", type_=call_commands.c.taken_at.type))
    .returning(call_commands.c.id, call_commands.c.call_id, call_commands.c.body)
)


class Command(NamedTuple):
    """One command. ``body``: a control message, as in the API, or one of our own."""

    call_id: str
    body: Columns


def add(conn: Connection, call_id: str, body: Columns, at: datetime) -> None:
    conn.execute(call_commands.insert(), {"call_id": call_id, "body": dict(body), "created_at": at})


def delete(conn: Connection, call_id: str) -> None:
    """Delete a call's commands, taken or not."""
    conn.execute(call_commands.delete().where(call_commands.c.call_id == call_id))


def waiting(conn: Connection, call_id: str) -> int:
    """The number of a call's commands that no process has taken."""
    return int(conn.execute(_COUNT, {"calls": [call_id]}).scalar_one())


def any_wait(conn: Connection, call_ids: Collection[str]) -> bool:
    """Whether there is a command to take. Cheaper than ``take``."""
    return conn.execute(_WAIT, {"calls": list(call_ids)}).first() is not None


def take(conn: Connection, call_ids: Collection[str], at: datetime) -> Sequence[Command]:
    """Take the commands of these calls, in their order. Of several processes one gets each."""
    rows = conn.execute(_TAKE, {"calls": list(call_ids), "at": at}).all()
    return [Command(row.call_id, row.body) for row in sorted(rows, key=lambda row: int(row.id))]
