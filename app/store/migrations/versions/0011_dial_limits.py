"""what was dialled of late for each API key"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0008"
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


def downgrade() -> None:

    op.drop_table("dial_limits")
