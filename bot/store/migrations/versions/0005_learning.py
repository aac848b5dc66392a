"""sentences that citizens labelled by choosing what they meant"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import bot.store.engine

revision = "learning"
down_revision = "territory"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "labelled_examples",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("inbox_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("conversation_id", sa.String(length=40), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=5), nullable=False),
        sa.Column("intent", sa.String(length=60), nullable=False),
        sa.Column("topic", sa.String(length=80), nullable=True),
        sa.Column("offered", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=10), server_default="new", nullable=False),
        sa.Column("labelled_at", bot.store.engine.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_labelled_examples_conversation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["inbox_id"], ["inbox.id"], name=op.f("fk_labelled_examples_inbox_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_labelled_examples")),
        sa.UniqueConstraint("inbox_id", name=op.f("uq_labelled_examples_inbox_id")),
    )
    op.create_index(
        op.f("ix_labelled_examples_conversation_id"), "labelled_examples", ["conversation_id"]
    )
    op.create_index(op.f("ix_labelled_examples_state"), "labelled_examples", ["state"])


def downgrade() -> None:
    op.drop_table("labelled_examples")
