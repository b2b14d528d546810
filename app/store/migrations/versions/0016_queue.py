"""the queue of legs that wait for a slot"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

TABLE = "queue"


def upgrade() -> None:

    op.create_table(
        TABLE,
        sa.Column("call_id", sa.String(36), nullable=False),
        sa.Column("ticket", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("caller", sa.String(64)),
        sa.Column("offers_callback", sa.Boolean(), nullable=False),
        sa.Column("entered_at", sa.BigInteger(), nullable=False),
        sa.Column("told_position", sa.Integer()),
        sa.Column("told_at", sa.BigInteger()),
        sa.Column("turn_until", sa.BigInteger(), nullable=False),
        sa.Column("called_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("call_id", name=op.f(f"pk_{TABLE}")),
        sa.ForeignKeyConstraint(
            ["call_id"], ["calls.id"], name=op.f(f"fk_{TABLE}_call_id"), ondelete="CASCADE"
        ),
    )
    op.create_index(op.f(f"ix_{TABLE}_ticket"), TABLE, ["ticket"])


def downgrade() -> None:

    op.drop_table(TABLE)
