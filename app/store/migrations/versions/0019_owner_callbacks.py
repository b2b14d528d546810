"""what carriers send to the flow's owner by way of us"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

TABLE = "owner_callbacks"
PENDING, UNBOUND = sa.text("state = 'pending'"), sa.text("call_id IS NULL")
PARTIAL = (
    ("pending", PENDING, ["lane", "id"]),
    ("due", PENDING, ["receiver", "next_at"]),
    ("call_ref", UNBOUND, ["call_ref"]),
    ("leg_ref", UNBOUND, ["leg_ref"]),
    ("unbound", UNBOUND, ["created_at"]),
)


def upgrade() -> None:
    op.add_column("orgs", sa.Column("owner_callback_url", sa.Text()))
    op.create_table(
        TABLE,
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            primary_key=True,
            autoincrement=True,
        ),
        sa.Column("org_id", sa.String(36), nullable=False),
        sa.Column("provider", sa.String(32), nullable=False),
        sa.Column("lane", sa.String(32), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("call_ref", sa.String(128)),
        sa.Column("leg_ref", sa.String(128)),
        sa.Column("call_id", sa.String(36)),
        sa.Column("signers", sa.JSON(), nullable=False),
        sa.Column("method", sa.String(8), nullable=False),
        sa.Column("signed_url", sa.Text(), nullable=False),
        sa.Column("secret", sa.LargeBinary()),
        sa.Column("url", sa.Text()),
        sa.Column("receiver", sa.String(300)),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("status_code", sa.Integer()),
        sa.Column("error", sa.Text()),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{TABLE}")),
        sa.ForeignKeyConstraint(["org_id"], ["orgs.id"], name=op.f(f"fk_{TABLE}_org_id")),
        sa.ForeignKeyConstraint(
            ["call_id"], ["calls.id"], name=op.f(f"fk_{TABLE}_call_id"), ondelete="CASCADE"
        ),
        sa.UniqueConstraint("lane", "key", name=op.f(f"uq_{TABLE}_lane_key")),
    )
    op.create_index(op.f(f"ix_{TABLE}_created_at"), TABLE, ["created_at"])
    op.create_index(op.f(f"ix_{TABLE}_call_id"), TABLE, ["call_id"])
    for name, where, columns in PARTIAL:
        op.create_index(
            f"ix_{TABLE}_{name}", TABLE, columns, sqlite_where=where, postgresql_where=where
        )


def downgrade() -> None:
    op.drop_table(TABLE)
    op.drop_column("orgs", "owner_callback_url")
