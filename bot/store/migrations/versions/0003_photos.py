"""photos that citizens send"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import bot.store.engine

revision = "photos"
down_revision = "desk"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "photos",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("conversation_id", sa.String(length=40), nullable=True),
        sa.Column("ticket_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("reference", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("code", sa.String(length=40), server_default="", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("not_before", bot.store.engine.UtcDateTime(timezone=True), nullable=True),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("bytes", sa.Integer(), nullable=True),
        sa.Column("lat", sa.Float(), nullable=True),
        sa.Column("lon", sa.Float(), nullable=True),
        sa.Column("position_agreed", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("created_at", bot.store.engine.UtcDateTime(timezone=True), nullable=False),
        sa.Column("stored_at", bot.store.engine.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_photos_conversation_id")
        ),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_photos_ticket_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_photos")),
    )
    op.create_index(op.f("ix_photos_conversation_id"), "photos", ["conversation_id"])
    op.create_index(op.f("ix_photos_ticket_id"), "photos", ["ticket_id"])
    op.create_index("ix_photos_state_not_before", "photos", ["state", "not_before"])


def downgrade() -> None:
    op.drop_table("photos")
