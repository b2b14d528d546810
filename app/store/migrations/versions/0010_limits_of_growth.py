"""what was dialled of late for each API key, and how far retention has come"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "dial_limits",
        sa.Column("owner", sa.String(36), nullable=False),
        sa.Column("calls_empty_at", sa.BigInteger(), nullable=False),
        sa.Column("minutes_empty_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner", name="pk_dial_limits"),
    )
    op.create_table(
        "retention_cursors",
        sa.Column("part", sa.String(32), nullable=False),
        sa.Column("org_id", sa.String(36), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_id", sa.String(36), nullable=False),
        sa.PrimaryKeyConstraint("part", "org_id", name="pk_retention_cursors"),
        sa.ForeignKeyConstraint(["org_id"], ["orgs.id"], name="fk_retention_cursors_org_id"),
    )


def downgrade() -> None:

    op.drop_table("retention_cursors")
    op.drop_table("dial_limits")
