"""Open311: keys and forwarded tickets"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.store.engine import UtcDateTime

revision = "open311"
down_revision = "review"
branch_labels = None
depends_on = None


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "open311_keys",
        sa.Column("id", big, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("used_at", UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_open311_keys")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_open311_keys_key_hash")),
        sa.UniqueConstraint("name", name=op.f("uq_open311_keys_name")),
    )
    op.create_table(
        "forwards",
        sa.Column("ticket_id", big, autoincrement=False, nullable=False),
        sa.Column("endpoint", sa.String(length=60), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("token", sa.String(length=200), nullable=True),
        sa.Column("remote_id", sa.String(length=200), nullable=True),
        sa.Column("remote_status", sa.String(length=20), server_default="", nullable=False),
        sa.Column("remote_notes", sa.Text(), server_default="", nullable=False),
        sa.Column("code", sa.String(length=80), server_default="", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("not_before", UtcDateTime(timezone=True), nullable=True),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("sent_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("polled_at", UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_forwards_ticket_id")),
        sa.PrimaryKeyConstraint("ticket_id", name=op.f("pk_forwards")),
        sa.UniqueConstraint("endpoint", "remote_id", name=op.f("uq_forwards_endpoint_remote_id")),
    )
    op.create_index("ix_forwards_state_not_before", "forwards", ["state", "not_before"])


def downgrade() -> None:
    op.drop_table("forwards")
    op.drop_table("open311_keys")
