"""timers in the call's row"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.add_column("calls", sa.Column("timers", sa.JSON(), nullable=True))
    op.add_column("calls", sa.Column("next_timer_at", sa.BigInteger(), nullable=True))
    op.create_index(
        op.f("ix_calls_next_timer_at"),
        "calls",
        ["next_timer_at"],
        unique=False,
        sqlite_where=sa.text("next_timer_at IS NOT NULL"),
        postgresql_where=sa.text("next_timer_at IS NOT NULL"),
    )


def downgrade() -> None:

    op.drop_index(op.f("ix_calls_next_timer_at"), table_name="calls")
    op.drop_column("calls", "next_timer_at")
    op.drop_column("calls", "timers")
