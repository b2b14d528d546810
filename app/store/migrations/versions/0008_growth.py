"""indexes for lists of many calls"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

SETTLED = ("assistant_id", "phone_number_id", "provider_call_id", "ended_reason")


def upgrade() -> None:

    op.create_index("ix_calls_org_id_created_at_id", "calls", ["org_id", "created_at", "id"])
    _create("ix_calls_unsettled", "calls", ["org_id", "created_at", "id"], "settled_at IS NULL")
    for column in SETTLED:
        columns = ["org_id", column, "created_at", "id"]
        _create(f"ix_calls_settled_{column}", "calls", columns, "settled_at IS NOT NULL")
    late = "updated_at > created_at + 900000000"
    _create("ix_calls_updated_late", "calls", ["org_id", "updated_at"], late)
    _create("ix_messages_failed", "messages", ["state"], "state = 'failed'")
    op.drop_index("ix_calls_org_id_created_at", table_name="calls")
    op.drop_index("ix_calls_provider_provider_call_id", table_name="calls")
    op.drop_index("ix_calls_status", table_name="calls")


def downgrade() -> None:

    op.create_index("ix_calls_org_id_created_at", "calls", ["org_id", "created_at"])
    op.create_index("ix_calls_provider_provider_call_id", "calls", ["provider", "provider_call_id"])
    op.create_index("ix_calls_status", "calls", ["status"])
    op.drop_index("ix_messages_failed", table_name="messages")
    op.drop_index("ix_calls_updated_late", table_name="calls")
    for column in SETTLED:
        op.drop_index(f"ix_calls_settled_{column}", table_name="calls")
    op.drop_index("ix_calls_unsettled", table_name="calls")
    op.drop_index("ix_calls_org_id_created_at_id", table_name="calls")


def _create(name: str, table: str, columns: list[str], where: str) -> None:
    term = sa.text(where)
    op.create_index(name, table, columns, sqlite_where=term, postgresql_where=term)
