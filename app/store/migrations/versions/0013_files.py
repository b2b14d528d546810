"""files of knowledge bases, and the index of their texts"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "files",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("org_id", sa.String(36), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("blob", sa.String(256), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_files"),
        sa.ForeignKeyConstraint(["org_id"], ["orgs.id"], name="fk_files_org_id"),
    )
    op.create_index("ix_files_org_id_created_at", "files", ["org_id", "created_at"])
    op.create_table(
        "file_chunks",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("file_id", sa.String(36), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_file_chunks"),
        sa.ForeignKeyConstraint(
            ["file_id"], ["files.id"], name="fk_file_chunks_file_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_file_chunks_file_id", "file_chunks", ["file_id"])
    if op.get_bind().dialect.name != "sqlite":
        op.execute(
            "CREATE INDEX ix_file_chunks_words ON file_chunks "
            "USING gin (to_tsvector('simple', text))"
        )
        return
    op.execute(
        "CREATE VIRTUAL TABLE file_search USING fts5(text, content='file_chunks', "
        "content_rowid='id', tokenize='unicode61 remove_diacritics 2')"
    )
    op.execute(
        "CREATE TRIGGER file_chunk_added AFTER INSERT ON file_chunks BEGIN "
        "INSERT INTO file_search(rowid, text) VALUES (new.id, new.text); END"
    )
    op.execute(
        "CREATE TRIGGER file_chunk_removed AFTER DELETE ON file_chunks BEGIN "
        "INSERT INTO file_search(file_search, rowid, text) VALUES ('delete', old.id, old.text); END"
    )


def downgrade() -> None:

    if op.get_bind().dialect.name == "sqlite":
        op.drop_table("file_search")
    op.drop_table("file_chunks")
    op.drop_table("files")
