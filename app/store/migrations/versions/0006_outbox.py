"""outbox"""

from __future__ import annotations

from urllib.parse import urlsplit

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

PENDING = sa.text("state = 'pending'")


def upgrade() -> None:

    op.add_column("messages", sa.Column("facts", sa.JSON(), nullable=True))
    op.add_column("messages", sa.Column("leased_until", sa.BigInteger(), nullable=True))
    op.add_column(
        "messages",
        sa.Column("receiver", sa.String(length=300), nullable=False, server_default=""),
    )
    _name_receivers()
    op.drop_index(op.f("ix_messages_call_id_state_seq"), table_name="messages")
    for name, columns in (("pending", ["call_id", "seq"]), ("due", ["next_at", "receiver"])):
        op.create_index(
            f"ix_messages_{name}",
            "messages",
            columns,
            unique=False,
            sqlite_where=PENDING,
            postgresql_where=PENDING,
        )


def _name_receivers() -> None:
    """The receivers of pending messages: host and port of their URLs."""
    conn = op.get_bind()
    waiting = sa.text("SELECT id, url FROM messages WHERE state = 'pending'")
    rows = [
        {"id": id, "receiver": urlsplit(url).netloc.lower()[:300]}
        for id, url in conn.execute(waiting)
    ]
    if rows:
        conn.execute(sa.text("UPDATE messages SET receiver = :receiver WHERE id = :id"), rows)


def downgrade() -> None:

    op.drop_index("ix_messages_due", table_name="messages")
    op.drop_index("ix_messages_pending", table_name="messages")
    op.create_index(
        op.f("ix_messages_call_id_state_seq"), "messages", ["call_id", "state", "seq"], unique=False
    )
    for column in ("receiver", "leased_until", "facts"):
        op.drop_column("messages", column)
