"""Terms that find calls by a number in their JSON, or by the words in them.

Migration 0015 makes the indexes, of settled calls only. Each has the very expression of here.
SQLite's words are those of ``call_texts``, which triggers write. PostgreSQL indexes an expression.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles

MOST_WORDS = 8
WORD = re.compile(r"[^\W_]+")

PATHS: Mapping[str, tuple[str, ...]] = {
    "customer_number": ("customer", "number"),
    "our_number": ("number",),
}
"""By the filter's name, where the column ``resolved`` has it."""

SPOKEN: tuple[tuple[str, ...], ...] = (
    ("name",),
    ("customer", "name"),
    ("metadata",),
    ("summary",),
    ("transcript",),
)
"""The parts of the column ``body`` whose words are found. Each is a text, or JSON as text."""
LONGEST = 100_000
"""Characters of a call whose words are found. PostgreSQL takes no more than a megabyte of them."""


def sqlite_path(column: str, path: Sequence[str]) -> str:
    return f"json_extract({column}, '$.{'.'.join(path)}')"


def postgresql_path(column: str, path: Sequence[str]) -> str:
    return f"({column} #>> '{{{','.join(path)}}}')"


def sqlite_words(column: str) -> str:
    parts = [f"coalesce({sqlite_path(column, path)}, '')" for path in SPOKEN]
    return f"substr({' || char(10) || '.join(parts)}, 1, {LONGEST})"


def postgresql_words(column: str) -> str:
    """All that is neither letter nor digit divides words, as in SQLite's index."""
    parts = [f"coalesce({postgresql_path(column, path)}, '')" for path in SPOKEN]
    text = f"left({' || chr(10) || '.join(parts)}, {LONGEST})"
    return f"to_tsvector('simple', regexp_replace({text}, '(\\W|_)+', ' ', 'g'))"


class Number(sa.ColumnElement[str]):
    """A phone number of the call, by the filter's name."""

    inherit_cache = False
    type = sa.Text()

    def __init__(self, name: str) -> None:
        self.path = PATHS[name]


@compiles(Number, "sqlite")
def _number_of_sqlite(element: Number, compiler: Any, **_: Any) -> str:
    return sqlite_path("calls.resolved", element.path)


@compiles(Number, "postgresql")
def _number_of_postgresql(element: Number, compiler: Any, **_: Any) -> str:
    return postgresql_path("calls.resolved", element.path)


def words(text: str) -> list[str]:
    """The words to look for: letters and digits alone, so that none is an operator."""
    return [word.lower() for word in WORD.findall(text)][:MOST_WORDS]


def has_words(
    dialect: str, text: str, is_settled: bool
) -> Iterator[sa.ColumnElement[bool] | sa.TextClause]:
    """Every word is in the call, or begins one. A text without words finds nothing."""
    wanted = words(text)
    if not wanted:
        yield sa.false()
    elif dialect != "sqlite":
        query = " & ".join(f"{word}:*" for word in wanted)
        yield sa.text(
            f"{postgresql_words('calls.body')} @@ to_tsquery('simple', :words)"
        ).bindparams(words=query)
    elif is_settled:
        yield sa.text(_FOUND).bindparams(words=" ".join(f'"{word}"*' for word in wanted))
    else:  # the few that no index has yet
        for number, word in enumerate(wanted):
            like = f"lower({sqlite_words('calls.body')}) LIKE :word{number}"
            yield sa.text(like).bindparams(sa.bindparam(f"word{number}", f"%{word}%"))


_FOUND = (
    "calls.id IN (SELECT call_texts.call_id FROM call_search "
    "JOIN call_texts ON call_texts.id = call_search.rowid WHERE call_search MATCH :words)"
)
