"""The query plans of what a function runs: the statements are recorded, and then explained."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from sqlalchemy.engine import Connection

from app.store.pipeline import Pipeline

INDEX = re.compile(r"USING (?:COVERING )?INDEX (\w+)")
SCAN = re.compile(r"SCAN (\w+)$")
KEYS = re.compile(r"sqlite_autoindex_\w+|\w+_pkey|[pu][kq]_\w+")
"""The indexes of primary and unique keys. Each database names them in its own way."""


class Plan:
    """What the statements read: ``indexes``, without those of keys, and ``scanned`` tables."""

    def __init__(self, indexes: set[str], scanned: set[str]) -> None:
        self.indexes = {name for name in indexes if not KEYS.fullmatch(name)}
        self.scanned = scanned


def plan(conn: Connection, run: Callable[[Connection], object]) -> Plan:
    """Run it, and explain every SELECT, UPDATE and DELETE it has run."""
    raw: Any = conn.connection.driver_connection
    recorded = _recorded_by_sqlite if conn.dialect.name == "sqlite" else _recorded_by_psycopg
    with recorded(raw) as statements:
        run(conn)
    assert statements
    explain = _of_sqlite if conn.dialect.name == "sqlite" else _of_postgresql
    plans = [explain(raw, *statement) for statement in statements]
    return Plan(
        {name for plan in plans for name in plan.indexes},
        {name for plan in plans for name in plan.scanned},
    )


Recorded = list[tuple[Any, Any]]


@contextmanager
def _recorded_by_sqlite(raw: Any) -> Iterator[Recorded]:
    statements: Recorded = []

    def record(text: str) -> None:
        if not text.startswith(("--", "SAVEPOINT", "RELEASE", "BEGIN", "COMMIT")):
            statements.append((text, ()))

    raw.set_trace_callback(record)
    try:
        yield statements
    finally:
        raw.set_trace_callback(None)


@contextmanager
def _recorded_by_psycopg(raw: Any) -> Iterator[Recorded]:
    statements: Recorded = []
    real, together = psycopg.Cursor.execute, Pipeline.run

    def execute(self: Any, query: Any, params: Any = None, **options: Any) -> Any:
        statements.append((query, params))
        return real(self, query, params, **options)

    def run(self: Pipeline, sent: Any) -> Any:
        statements.extend(sent)
        return together(self, sent)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(psycopg.Cursor, "execute", execute)
        patched.setattr(Pipeline, "run", run)
        yield statements


def _of_sqlite(raw: Any, text: str, _params: Any) -> Plan:
    lines = [row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {text}")]
    scanned = {found[1] for line in lines if (found := SCAN.search(line))}
    found = {found[1] for line in lines if (found := INDEX.search(line))}
    return Plan(found, {name for name in scanned if not name.startswith("anon")})


def _of_postgresql(raw: Any, query: Any, params: Any) -> Plan:
    """As with many more rows than the test has: there reading all is never the cheapest way."""
    raw.execute("SET enable_seqscan = off")
    ((found,),) = raw.execute(f"EXPLAIN (FORMAT JSON) {query}", params).fetchall()
    nodes = list(_nodes((json.loads(found) if isinstance(found, str) else found)[0]["Plan"]))
    return Plan(
        {node["Index Name"] for node in nodes if "Index Name" in node},
        {node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"},
    )


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from _nodes(below)
