"""tools that assistants name by id"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

CHANGES = ("INSERT", "UPDATE", "DELETE")
COUNT = "UPDATE revisions SET number = number + 1"


def upgrade() -> None:
    op.create_table(
        "tools",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("org_id", sa.String(36), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("secret", sa.LargeBinary()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tools"),
        sa.ForeignKeyConstraint(["org_id"], ["orgs.id"], name="fk_tools_org_id"),
    )
    op.create_index("ix_tools_org_id_created_at", "tools", ["org_id", "created_at"])
    if op.get_bind().dialect.name == "sqlite":
        for change in CHANGES:
            name = f"count_{change.lower()}_of_tools"
            op.execute(f"CREATE TRIGGER {name} AFTER {change} ON tools BEGIN {COUNT}; END")
        return
    op.execute(
        "CREATE TRIGGER count_changes_of_tools AFTER INSERT OR UPDATE OR DELETE ON tools "
        "FOR EACH ROW EXECUTE FUNCTION count_revision()"
    )


def downgrade() -> None:
    op.drop_table("tools")  # its triggers go with it
