"""what was imported from Vapi"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

TABLE = "imports"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("org_id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("source_id", sa.String(255), nullable=False),
        sa.Column("object_id", sa.String(36), nullable=False),
        sa.Column("source_mac", sa.String(64), nullable=False),
        sa.Column("stored_digest", sa.String(64), nullable=False),
        sa.Column("imported_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "kind", "source_id", name=f"pk_{TABLE}"),
        sa.ForeignKeyConstraint(["org_id"], ["orgs.id"], name=f"fk_{TABLE}_org_id"),
    )


def downgrade() -> None:
    op.drop_table(TABLE)
