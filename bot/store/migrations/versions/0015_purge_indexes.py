"""indexes by conversation, so that erasing one reads no table to its end"""

from __future__ import annotations

from alembic import op

revision = "purge_indexes"
down_revision = "log_choices"
branch_labels = None
depends_on = None
TABLES = ("web_sessions", "handovers", "ticket_news")


def upgrade() -> None:
    for table in TABLES:
        op.create_index(f"ix_{table}_conversation_id", table, ["conversation_id"])


def downgrade() -> None:
    for table in TABLES:
        op.drop_index(f"ix_{table}_conversation_id", table)
