"""login tokens of the dashboard"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TABLE = "login_tokens"


def upgrade() -> None:

    op.create_table(
        TABLE,
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("org_id", sa.String(36), nullable=False),
        sa.Column("role", sa.String(8), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=f"pk_{TABLE}"),
        sa.ForeignKeyConstraint(["org_id"], ["orgs.id"], name=f"fk_{TABLE}_org_id"),
    )


def downgrade() -> None:

    op.drop_table(TABLE)
