"""headers of the tools of hooks' actions, which were stored in clear, go to the sealed column

The version before knew tools in lists only. The rows of resources and of calls keep the headers,
sealed. What only repeats an assistant (messages, events) loses them, as new rows never have them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import context, op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

RESOURCES = ("assistants", "phone_numbers", "squads", "tools")
"""Tables with a ``body``, and a ``secret`` of the same form."""
COPIES = (
    ("calls", "body"),
    ("call_commands", "body"),
    ("call_events", "data"),
    ("messages", "facts"),
)
"""Columns that repeat an assistant as clients see it."""
HELD = ("assistant", "squad")
"""Parts of a call's ``resolved`` that are merged with its secrets."""
MARKS = '%"hooks"%"tool"%"headers"%'
"""In every text with such headers: each is inside the one before."""

Row = Any


def upgrade() -> None:
    _erase_what_is_freed(True)
    for name in RESOURCES:
        for table, row in _rows(name, "body", "secret"):
            _store(
                table, row, body=_public(row.body), secret=_sealed(row.secret, _hidden(row.body))
            )
    for table, row in _rows("calls", "resolved", "secret", "settled_at"):
        _store(table, row, resolved=_public(row.resolved), **_secret_of_call(row))
    for name, column in COPIES:
        for table, row in _rows(name, column):
            _store(table, row, **{column: _public(getattr(row, column))})
    for table, row in _rows("messages", "body", text=True):
        _store(table, row, body=_in_text(row.body))
    _erase_what_is_freed(False)


def downgrade() -> None:
    """The version before reads sealed headers too."""


def _erase_what_is_freed(on: bool) -> None:
    """SQLite leaves replaced bytes in its file otherwise."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(sa.text(f"PRAGMA secure_delete = {'ON' if on else 'OFF'}"))


def _rows(name: str, column: str, *beside: str, text: bool = False) -> Iterator[tuple[Any, Row]]:
    """The table, and each row whose column has such headers. One row at a time is in memory."""
    kinds: dict[str, Any] = {"secret": sa.LargeBinary, column: sa.Text if text else sa.JSON}
    names = ("id", column, *beside)
    table = sa.table(name, *(sa.column(each, kinds.get(each)) for each in names))
    conn = op.get_bind()
    has_marks = sa.cast(table.c[column], sa.Text).like(MARKS)
    for (id,) in conn.execute(sa.select(table.c.id).where(has_marks)).all():
        row = conn.execute(sa.select(table).where(table.c.id == id)).one()
        value = _parsed(row.body) if text else getattr(row, column)
        if _hidden(value):
            yield table, row


def _store(table: Any, row: Row, **values: Any) -> None:
    op.get_bind().execute(sa.update(table).where(table.c.id == row.id).values(values))


def _secret_of_call(row: Row) -> dict[str, Any]:
    """A call that is over needs no secrets."""
    hidden = _hidden(row.resolved)
    held = {name: hidden[name] for name in HELD if name in hidden}
    return {"secret": _sealed(row.secret, held)} if held and row.settled_at is None else {}


def _sealed(secret: bytes | None, more: dict[str, Any]) -> bytes | None:
    """The seal with more in it. Raises ``WrongKey``."""
    vault = context.config.attributes["vault"]
    sealed: bytes | None = vault.seal(_merged(vault.open(secret), more))
    return sealed


def _merged(below: Any, over: Any) -> Any:
    if not isinstance(below, dict) or not isinstance(over, dict):
        return over
    return {**below, **{name: _merged(below.get(name), value) for name, value in over.items()}}


def _in_text(body: str) -> str:
    return json.dumps(_public(_parsed(body)), ensure_ascii=False, separators=(",", ":"))


def _parsed(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _public(value: Any, holder: str = "") -> Any:
    if isinstance(value, list):
        return [_public(each, holder) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {name: each for name, each in value.items() if not _is_hidden(holder, name)}
    return {name: _public(each, name) for name, each in kept.items()}


def _hidden(value: Any, holder: str = "") -> dict[str, Any]:
    """The headers where they are; ``#0`` names a list's first item."""
    found: dict[str, Any] = {}
    if isinstance(value, list):
        places = [(f"#{number}", holder, each) for number, each in enumerate(value)]
    elif isinstance(value, dict):
        places = [(name, name, each) for name, each in value.items()]
    else:
        places = []
    for place, name, each in places:
        if isinstance(value, dict) and _is_hidden(holder, name):
            found[place] = each
        elif below := _hidden(each, name):
            found[place] = below
    return found


def _is_hidden(holder: str, name: str) -> bool:
    return (holder, name) == ("tool", "headers")
