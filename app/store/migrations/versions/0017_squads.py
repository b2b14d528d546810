"""squads, and the squad of a call"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

CHANGES = ("INSERT", "UPDATE", "DELETE")
COUNT = "UPDATE revisions SET number = number + 1"
INDEX = "ix_calls_settled_squad_id"
OF_SQUADS = "settled_at IS NOT NULL AND squad_id IS NOT NULL"


def upgrade() -> None:
    op.create_table(
        "squads",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("org_id", sa.String(36), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("secret", sa.LargeBinary()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_squads"),
        sa.ForeignKeyConstraint(["org_id"], ["orgs.id"], name="fk_squads_org_id"),
    )
    op.create_index("ix_squads_org_id_created_at", "squads", ["org_id", "created_at"])
    op.add_column("calls", sa.Column("squad_id", sa.String(36)))
    where = sa.text(OF_SQUADS)
    columns = ["org_id", "squad_id", "created_at", "id"]
    op.create_index(INDEX, "calls", columns, sqlite_where=where, postgresql_where=where)
    if op.get_bind().dialect.name == "sqlite":
        for change in CHANGES:
            name = f"count_{change.lower()}_of_squads"
            op.execute(f"CREATE TRIGGER {name} AFTER {change} ON squads BEGIN {COUNT}; END")
        return
    op.execute(
        "CREATE TRIGGER count_changes_of_squads AFTER INSERT OR UPDATE OR DELETE ON squads "
        "FOR EACH ROW EXECUTE FUNCTION count_revision()"
    )


def downgrade() -> None:
    op.drop_index(INDEX, "calls")
    op.drop_column("calls", "squad_id")
    op.drop_table("squads")  # its triggers go with it
