"""Statements of every request: written with SQLAlchemy, compiled once, run by the driver.

SQLAlchemy compiles a statement once as well. But it binds, looks up and wraps anew at each
execution, which is ten times the database's own work. Here its part ends with the text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, NamedTuple, cast

import sqlalchemy as sa
from sqlalchemy.sql import visitors
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.sql.elements import ClauseElement

from app.store.connection import Answer, Connection, Statement, Tables
from app.store.schema import Time, from_micros, to_micros
from providers.common import json_text
from providers.common.json_types import JsonDict, JsonObject

Convert = Callable[[Any], Any]
ForDialect = Callable[[str], ClauseElement]
"""Builds a statement for ``sqlite`` or ``postgresql``, whose forms differ."""

IN: tuple[tuple[type, Convert], ...] = ((Time, to_micros), (sa.JSON, json_text.dumps))
OUT: tuple[tuple[type, Convert], ...] = (
    (Time, from_micros),
    (sa.JSON, json_text.loads),
    (sa.Boolean, bool),
)
READY_ON_POSTGRESQL = (sa.JSON, sa.Boolean)
"""Types whose values psycopg itself converts when it reads them."""


class Compiled(NamedTuple):
    """One statement in one dialect."""

    text: str
    pick: Callable[[JsonObject], tuple[Any, ...]]
    """Takes the parameters' values in their order."""
    defaults: JsonObject
    """The parameters for which the statement itself has a value."""
    binds: tuple[tuple[int, Convert], ...]
    reads: Tables
    """The tables of a query; none if it is no plain one."""
    changes: str | None
    """The table that it changes; empty: any; None: it changes nothing."""
    columns: tuple[str, ...]
    converts: tuple[tuple[str, Convert], ...]


class Prepared:
    """One statement. Its methods raise SQLAlchemy's errors. ``columns``: those of an insert."""

    __slots__ = ("_columns", "_compiled", "_statement")

    def __init__(
        self, statement: ClauseElement | ForDialect, columns: Sequence[str] | None = None
    ) -> None:
        self._statement = statement
        self._columns = columns
        self._compiled: dict[bool, Compiled] = {}

    def one(self, conn: sa.engine.Connection, values: JsonObject) -> JsonDict | None:
        """The first row, or None."""
        compiled, cursor = self._execute(conn, values)
        row = cursor.fetchone()
        return None if row is None else _row(compiled, row)

    def every(self, conn: sa.engine.Connection, values: JsonObject) -> list[JsonDict]:
        """All rows."""
        compiled, cursor = self._execute(conn, values)
        return [_row(compiled, row) for row in cursor.fetchall()]

    def scalar(self, conn: sa.engine.Connection, values: JsonObject) -> Any:
        """The first column of the first row, or None."""
        compiled, cursor = self._execute(conn, values)
        row = cursor.fetchone()
        if row is None:
            return None
        return next(iter(_row(compiled, row).values())) if compiled.converts else row[0]

    def run(self, conn: sa.engine.Connection, values: JsonObject) -> int:
        """The number of changed rows."""
        return int(self._execute(conn, values)[1].rowcount)

    def many(self, conn: sa.engine.Connection, rows: Sequence[JsonObject]) -> None:
        """Insert or update once for each of these, without a look at the outcome."""
        ours = cast("Connection", conn)
        if not (rows and ours.is_sqlite):
            for each in rows:
                self.put(conn, each)
            return
        compiled = self._compiled.get(True) or self._compile(ours)
        try:
            ours.raw.cursor().executemany(compiled.text, [_bound(compiled, each) for each in rows])
        except Exception as error:
            raise ours.translated(error) from error

    def put(self, conn: sa.engine.Connection, values: JsonObject) -> None:
        """Run it without a look at the outcome.

        On PostgreSQL the statement waits for others and goes out with them, at the latest with the
        commit. An error comes then.
        """
        ours = cast("Connection", conn)
        if ours.is_sqlite:
            self._execute(conn, values)
            return
        compiled = self._compiled.get(False) or self._compile(ours)
        if ours.answered and compiled.changes is not None:
            ours.changes_table(compiled.changes)
        bound = _bound(compiled, values)
        if ours.has_commit:
            ours.changes.append(Statement(compiled.text, bound))
        else:
            ours.ask(compiled.text, bound)

    def foresee(self, conn: sa.engine.Connection, values: JsonObject) -> None:
        """Ask right behind this transaction's next question, in the same round trip.

        The answer waits for the same question of another method. A change of its tables by this
        transaction drops it. Any other statement than a plain query is asked in its turn. SQLite has
        no round trips.
        """
        ours = cast("Connection", conn)
        if ours.is_sqlite:
            return
        compiled = self._compiled.get(False) or self._compile(ours)
        if not compiled.reads:
            return  # its tables are not known
        ours.foreseen[Statement(compiled.text, _bound(compiled, values))] = compiled.reads

    def _execute(self, conn: sa.engine.Connection, values: JsonObject) -> tuple[Compiled, Answer]:
        ours = cast("Connection", conn)
        compiled = self._compiled.get(ours.is_sqlite) or self._compile(ours)
        bound = _bound(compiled, values)
        if ours.is_sqlite:
            try:
                return compiled, ours.raw.execute(compiled.text, bound)
            except Exception as error:
                raise ours.translated(error) from error
        if ours.answered:
            known = ours.known(Statement(compiled.text, bound))
            if known is not None:
                return compiled, known
            if compiled.changes is not None:
                ours.changes_table(compiled.changes)
        return compiled, ours.ask(compiled.text, bound)

    def _compile(self, conn: Connection) -> Compiled:
        statement = self._statement
        if not isinstance(statement, ClauseElement):
            statement = statement(conn.dialect.name)
        text: Any = statement.compile(dialect=conn.dialect, column_keys=self._columns)
        names = tuple(text.positiontup or ())
        ready = () if conn.is_sqlite else READY_ON_POSTGRESQL
        found = [(at, _convert(text.binds[name].type, IN)) for at, name in enumerate(names)]
        columns = tuple(entry.keyname for entry in text._result_columns)
        types = {
            entry.keyname: _convert(entry.type, OUT)
            for entry in text._result_columns
            if not isinstance(entry.type, ready)
        }
        made = self._compiled[conn.is_sqlite] = Compiled(
            text=text.string,
            pick=_picker(names),
            defaults={n: bind.value for n, bind in text.binds.items() if bind.value is not None},
            binds=tuple((at, convert) for at, convert in found if convert),
            reads=_tables(statement),
            changes=_changed(statement),
            columns=columns,
            converts=tuple((name, convert) for name, convert in types.items() if convert),
        )
        return made


def _picker(names: tuple[str, ...]) -> Callable[[JsonObject], tuple[Any, ...]]:
    if len(names) > 1:
        return itemgetter(*names)  # twice as fast as a comprehension
    return lambda values: tuple(values[name] for name in names)


def _tables(statement: ClauseElement) -> Tables:
    """Those of a query, also within its joins and parts."""
    if not isinstance(statement, sa.Select):
        return frozenset()
    parts = (each for each in visitors.iterate(statement) if isinstance(each, sa.Select))
    sources = (source for part in parts for source in part.get_final_froms())
    found = (each for source in sources for each in visitors.iterate(source))
    return frozenset(str(each) for each in found if isinstance(each, sa.Table))


def _changed(statement: ClauseElement) -> str | None:
    if isinstance(statement, UpdateBase):
        return str(statement.table)
    return None if isinstance(statement, sa.Select) else ""


def _convert(type_: Any, converts: tuple[tuple[type, Convert], ...]) -> Convert | None:
    return next((convert for kind, convert in converts if isinstance(type_, kind)), None)


def _bound(compiled: Compiled, values: JsonObject) -> tuple[Any, ...]:
    if compiled.defaults:
        values = {**compiled.defaults, **values}
    taken = compiled.pick(values)
    if not compiled.binds:
        return taken
    changed = list(taken)
    for at, convert in compiled.binds:
        if changed[at] is not None:
            changed[at] = convert(changed[at])
    return tuple(changed)


def _row(compiled: Compiled, values: Sequence[Any]) -> JsonDict:
    row = dict(zip(compiled.columns, values, strict=True))
    for name, convert in compiled.converts:
        value = row[name]
        if value is not None:
            row[name] = convert(value)
    return row
