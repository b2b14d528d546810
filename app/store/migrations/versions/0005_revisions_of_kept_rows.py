"""revisions of kept rows"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = ("orgs", "api_keys", "credentials", "phone_numbers", "assistants", "customers")
CHANGES = ("INSERT", "UPDATE", "DELETE")
COUNT = "UPDATE revisions SET number = number + 1"


def upgrade() -> None:
    op.create_table("revisions", sa.Column("number", sa.BigInteger(), nullable=False))
    op.execute("INSERT INTO revisions VALUES (0)")
    if op.get_bind().dialect.name == "sqlite":
        for table in TABLES:
            for change in CHANGES:
                name = f"count_{change.lower()}_of_{table}"
                op.execute(f"CREATE TRIGGER {name} AFTER {change} ON {table} BEGIN {COUNT}; END")
        return
    op.execute(
        "CREATE FUNCTION count_revision() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN {COUNT}; RETURN NULL; END $$"
    )
    for table in TABLES:
        op.execute(
            f"CREATE TRIGGER count_changes_of_{table} AFTER INSERT OR UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION count_revision()"
        )


def downgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table in TABLES:
        for change in CHANGES if sqlite else ():
            op.execute(f"DROP TRIGGER count_{change.lower()}_of_{table}")
        if not sqlite:
            op.execute(f"DROP TRIGGER count_changes_of_{table} ON {table}")
    if not sqlite:
        op.execute("DROP FUNCTION count_revision()")
    op.drop_table("revisions")
