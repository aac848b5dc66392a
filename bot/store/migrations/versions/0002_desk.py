"""handovers, presence at the desk, canned replies"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.store.engine import UtcDateTime

revision = "desk"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OPEN = sa.text("state in ('waiting', 'claimed', 'left')")


def upgrade() -> None:
    op.create_table(
        "handovers",
        sa.Column("id", BIG, primary_key=True, autoincrement=True),
        sa.Column("conversation_id", sa.String(40), sa.ForeignKey("conversations.id", name="fk_handovers_conversation_id_conversations"), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("reason", sa.String(20), nullable=False, server_default="asked"),
        sa.Column("language", sa.String(5), nullable=False, server_default=""),
        sa.Column("question", sa.Text(), nullable=False, server_default=""),
        sa.Column("waiting_since", UtcDateTime(timezone=True), nullable=False),
        sa.Column("claimed_by", sa.String(60)),
        sa.Column("claimed_at", UtcDateTime(timezone=True)),
        sa.Column("last_agent_at", UtcDateTime(timezone=True)),
        sa.Column("last_citizen_at", UtcDateTime(timezone=True)),
        sa.Column("unanswered_since", UtcDateTime(timezone=True)),
        sa.Column("closed_at", UtcDateTime(timezone=True)),
        sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("announce_at", UtcDateTime(timezone=True)),
        sa.Column("announce_attempts", sa.Integer(), nullable=False, server_default="0"),
    )
    op.create_index("uq_handovers_open", "handovers", ["conversation_id"], unique=True, sqlite_where=OPEN, postgresql_where=OPEN)
    op.create_index("ix_handovers_state_waiting_since", "handovers", ["state", "waiting_since"])
    op.create_table(
        "handover_events",
        sa.Column("id", BIG, primary_key=True, autoincrement=True),
        sa.Column("handover_id", BIG, sa.ForeignKey("handovers.id", name="fk_handover_events_handover_id_handovers"), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("by", sa.String(60), nullable=False),
        sa.Column("detail", sa.String(120), nullable=False, server_default=""),
        sa.Column("happened_at", UtcDateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_handover_events_handover_id", "handover_events", ["handover_id"])
    op.create_table(
        "desk_presence",
        sa.Column("agent", sa.String(60), primary_key=True),
        sa.Column("seen_at", UtcDateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "canned_replies",
        sa.Column("code", sa.String(60), primary_key=True),
        sa.Column("names", sa.JSON(), nullable=False),
        sa.Column("texts", sa.JSON(), nullable=False),
        sa.Column("edited_at", UtcDateTime(timezone=True)),
    )


def downgrade() -> None:
    for table in ("canned_replies", "desk_presence", "handover_events", "handovers"):
        op.drop_table(table)
