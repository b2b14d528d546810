"""Texts of uploaded files in chunks, and the search in them: FTS5 of SQLite, or PostgreSQL's own."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.store.engine import every
from app.store.schema import file_chunks, files

_CHUNKS = "FROM file_chunks c JOIN files f ON f.id = c.file_id"
_MINE = "f.org_id = :org AND c.file_id IN :ids"
_SQLITE = sa.text(
    f"SELECT c.text AS text, f.body AS body {_CHUNKS} JOIN file_search ON file_search.rowid = c.id "
    f"WHERE file_search MATCH :words AND {_MINE} ORDER BY bm25(file_search), c.id LIMIT :most"
)
_POSTGRESQL = sa.text(
    f"SELECT c.text AS text, f.body AS body {_CHUNKS}, to_tsquery('simple', :words) wanted "
    f"WHERE to_tsvector('simple', c.text) @@ wanted AND {_MINE} "
    "ORDER BY ts_rank_cd(to_tsvector('simple', c.text), wanted) DESC, c.id LIMIT :most"
)
_TYPES = {"text": sa.Text, "body": sa.JSON}


class Found(NamedTuple):
    """A chunk, and its file's name."""

    text: str
    file: str


def add_chunks(conn: Connection, file_id: str, texts: Sequence[str]) -> None:
    """Store a new file's text."""
    if texts:
        conn.execute(file_chunks.insert(), [{"file_id": file_id, "text": text} for text in texts])


def delete_chunks(conn: Connection, file_id: str) -> None:
    conn.execute(file_chunks.delete().where(file_chunks.c.file_id == file_id))


def known(conn: Connection, org_id: str, ids: Collection[str]) -> set[str]:
    """Those of the ids that are files of the organisation."""
    query = sa.select(files.c.id).where(files.c.org_id == org_id, files.c.id.in_([*ids]))
    return set(conn.execute(query).scalars().all())


def search(
    conn: Connection, org_id: str, ids: Collection[str], beginnings: Sequence[str], most: int
) -> Sequence[Found]:
    """The best chunks of these files that have words with one of the ``beginnings``.

    These have letters and digits only.
    """
    if not ids or not beginnings:
        return []
    if conn.dialect.name == "sqlite":
        query, words = _SQLITE, " OR ".join(f'"{word}"*' for word in beginnings)
    else:
        query, words = _POSTGRESQL, " | ".join(f"{word}:*" for word in beginnings)
    bound = query.bindparams(sa.bindparam("ids", expanding=True)).columns(**_TYPES)
    rows = every(conn.execute(bound, {"org": org_id, "ids": [*ids], "words": words, "most": most}))
    return [Found(row["text"], row["body"]["name"]) for row in rows]
