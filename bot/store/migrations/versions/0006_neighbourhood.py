"""Notices on areas, subscriptions to them, and the specifications of drawn pictures."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import bot.store.engine

revision = "neighbourhood"
down_revision = "learning"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = bot.store.engine.UtcDateTime


def upgrade() -> None:
    op.create_table(
        "notices",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("feed", sa.String(300), server_default="", nullable=False),
        sa.Column("guid", sa.String(300), nullable=False),
        sa.Column("area_codes", sa.JSON(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("texts", sa.JSON(), nullable=False),
        sa.Column("begins_at", _TIME()),
        sa.Column("ends_at", _TIME()),
        sa.Column("url", sa.Text()),
        sa.Column("created_at", _TIME(), nullable=False),
        sa.Column("changed_at", _TIME(), nullable=False),
        sa.Column("removed_at", _TIME()),
        sa.Column("told_at", _TIME()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
        sa.UniqueConstraint("feed", "guid", name=op.f("uq_notices_feed_guid")),
    )
    op.create_index("ix_notices_told_at", "notices", ["told_at"])
    op.create_table(
        "area_subscriptions",
        sa.Column("conversation_id", sa.String(40), nullable=False),
        sa.Column("area_code", sa.String(20), nullable=False),
        sa.Column("created_at", _TIME(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_area_subscriptions_conversation_id"),
        ),
        sa.PrimaryKeyConstraint(
            "conversation_id", "area_code", name=op.f("pk_area_subscriptions")
        ),
    )
    op.create_index("ix_area_subscriptions_area_code", "area_subscriptions", ["area_code"])
    op.create_table(
        "drawings",
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("created_at", _TIME(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_drawings")),
    )
    op.create_index("ix_drawings_created_at", "drawings", ["created_at"])


def downgrade() -> None:
    for table in ("drawings", "area_subscriptions", "notices"):
        op.drop_table(table)
