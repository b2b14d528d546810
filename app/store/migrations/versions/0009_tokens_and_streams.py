"""the token of a carrier's request, and the socket that a call has now"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.add_column("calls", sa.Column("stream", sa.String(32)))
    op.add_column("call_events", sa.Column("token", sa.String(32)))
    term = sa.text("token IS NOT NULL")
    op.create_index(
        "uq_call_events_token",
        "call_events",
        ["token"],
        unique=True,
        sqlite_where=term,
        postgresql_where=term,
    )


def downgrade() -> None:

    op.drop_index("uq_call_events_token", table_name="call_events")
    op.drop_column("call_events", "token")
    op.drop_column("calls", "stream")
