"""indexes that find settled calls by their numbers, and by their words"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

SETTLED = "settled_at IS NOT NULL"
NUMBERS = {"customer_number": ("customer", "number"), "our_number": ("number",)}
WORDS = (("name",), ("customer", "name"), ("metadata",), ("summary",), ("transcript",))
LONGEST = 100_000


def upgrade() -> None:

    if op.get_bind().dialect.name == "sqlite":
        _upgrade_sqlite()
        return
    for name, path in NUMBERS.items():
        number = _postgresql_path("resolved", path)
        op.execute(
            f"CREATE INDEX ix_calls_settled_{name} ON calls (org_id, {number}, created_at, id) "
            f"WHERE {SETTLED}"
        )
    parts = " || chr(10) || ".join(f"coalesce({_postgresql_path('body', p)}, '')" for p in WORDS)
    text = f"regexp_replace(left({parts}, {LONGEST}), '(\\W|_)+', ' ', 'g')"
    op.execute(
        f"CREATE INDEX ix_calls_settled_words ON calls USING gin (to_tsvector('simple', {text})) "
        f"WHERE {SETTLED}"
    )


def _upgrade_sqlite() -> None:
    for name, path in NUMBERS.items():
        number = _sqlite_path("resolved", path)
        op.execute(
            f"CREATE INDEX ix_calls_settled_{name} ON calls (org_id, {number}, created_at, id) "
            f"WHERE {SETTLED}"
        )
    op.create_table(  # VACUUM may renumber rows that have no such key
        "call_texts",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("call_id", sa.String(36), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_call_texts"),
        sa.UniqueConstraint("call_id", name="uq_call_texts_call_id"),
        sa.ForeignKeyConstraint(
            ["call_id"], ["calls.id"], name="fk_call_texts_call_id", ondelete="CASCADE"
        ),
    )
    op.execute(
        "CREATE VIRTUAL TABLE call_search USING fts5(text, content='call_texts', "
        "content_rowid='id', tokenize='unicode61 remove_diacritics 0')"
    )
    add = "INSERT INTO call_search(rowid, text) VALUES (new.id, new.text);"
    remove = (
        "INSERT INTO call_search(call_search, rowid, text) VALUES ('delete', old.id, old.text);"
    )
    for when, what in (("INSERT", add), ("UPDATE", remove + add), ("DELETE", remove)):
        name = f"call_text_{when.lower()}"
        op.execute(f"CREATE TRIGGER {name} AFTER {when} ON call_texts BEGIN {what} END")
    put = (
        f"INSERT INTO call_texts(call_id, text) VALUES (new.id, {_sqlite_words('new.body')}) "  # noqa: S608
        "ON CONFLICT (call_id) DO UPDATE SET text = excluded.text WHERE text <> excluded.text;"
    )
    for name, when in (("insert", "INSERT"), ("update", "UPDATE OF body, settled_at")):
        op.execute(
            f"CREATE TRIGGER call_words_{name} AFTER {when} ON calls "
            f"WHEN new.{SETTLED} BEGIN {put} END"
        )
    op.execute(
        f"INSERT INTO call_texts(call_id, text) SELECT id, {_sqlite_words('body')} "  # noqa: S608
        f"FROM calls WHERE {SETTLED}"
    )


def downgrade() -> None:

    for name in NUMBERS:
        op.drop_index(f"ix_calls_settled_{name}", table_name="calls")
    if op.get_bind().dialect.name != "sqlite":
        op.drop_index("ix_calls_settled_words", table_name="calls")
        return
    for name in ("insert", "update"):
        op.execute(f"DROP TRIGGER call_words_{name}")
    op.drop_table("call_search")
    op.drop_table("call_texts")


def _sqlite_path(column: str, path: tuple[str, ...]) -> str:
    return f"json_extract({column}, '$.{'.'.join(path)}')"


def _postgresql_path(column: str, path: tuple[str, ...]) -> str:
    return f"({column} #>> '{{{','.join(path)}}}')"


def _sqlite_words(column: str) -> str:
    parts = [f"coalesce({_sqlite_path(column, path)}, '')" for path in WORDS]
    return f"substr({' || char(10) || '.join(parts)}, 1, {LONGEST})"
