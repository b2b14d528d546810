"""structured outputs"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLE = "structured_outputs"
CHANGES = ("INSERT", "UPDATE", "DELETE")
COUNT = "UPDATE revisions SET number = number + 1"


def upgrade() -> None:

    op.create_table(
        TABLE,
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("org_id", sa.String(36), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("secret", sa.LargeBinary()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{TABLE}"),
        sa.ForeignKeyConstraint(["org_id"], ["orgs.id"], name=f"fk_{TABLE}_org_id"),
    )
    op.create_index(f"ix_{TABLE}_org_id_created_at", TABLE, ["org_id", "created_at"])
    if op.get_bind().dialect.name == "sqlite":
        for change in CHANGES:
            name = f"count_{change.lower()}_of_{TABLE}"
            op.execute(f"CREATE TRIGGER {name} AFTER {change} ON {TABLE} BEGIN {COUNT}; END")
        return
    op.execute(
        f"CREATE TRIGGER count_changes_of_{TABLE} AFTER INSERT OR UPDATE OR DELETE ON {TABLE} "
        "FOR EACH ROW EXECUTE FUNCTION count_revision()"
    )


def downgrade() -> None:

    op.drop_table(TABLE)
