"""Ratings, their marks in the log, and what staff decided on labelled examples"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.store import log_triggers
from bot.store.engine import UtcDateTime

revision = "ratings"
down_revision = "desk_pictures"
branch_labels = None
depends_on = None

_FLAGS = ("rated_low", "rated_well")
_DECIDED = (
    ("edited", sa.Text()),
    ("meant_intent", sa.String(length=60)),
    ("meant_topic", sa.String(length=80)),
    ("decided_by", sa.String(length=60)),
    ("decided_at", UtcDateTime()),
)


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "ratings",
        sa.Column("id", big, autoincrement=True, nullable=False),
        sa.Column("conversation_id", sa.String(length=40), nullable=False),
        sa.Column("about", sa.String(length=10), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("helped", sa.Boolean()),
        sa.Column("rated_at", UtcDateTime()),
        sa.Column("inbox_id", big),
        sa.Column("comment_inbox_id", big),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_ratings_conversation_id")
        ),
        sa.ForeignKeyConstraint(["inbox_id"], ["inbox.id"], name=op.f("fk_ratings_inbox_id")),
        sa.ForeignKeyConstraint(
            ["comment_inbox_id"], ["inbox.id"], name=op.f("fk_ratings_comment_inbox_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ratings")),
    )
    op.create_index("ix_ratings_conversation_id", "ratings", ["conversation_id", "id"])
    op.create_index(op.f("ix_ratings_inbox_id"), "ratings", ["inbox_id"])
    op.create_index(op.f("ix_ratings_comment_inbox_id"), "ratings", ["comment_inbox_id"])
    for name in _FLAGS:
        flag = sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false())
        op.add_column("talks", flag)
        op.create_index(
            f"ix_talks_{name}",
            "talks",
            ["last_at", "number"],
            sqlite_where=sa.text(f"{name} IS 1"),
            postgresql_where=sa.text(f"{name} IS true"),
        )
    for name, kind in _DECIDED:
        op.add_column("labelled_examples", sa.Column(name, kind))


def downgrade() -> None:
    # The triggers name the columns that go; those that stay are installed anew by the next upgrade.
    log_triggers.remove(op.get_bind())
    for name, _ in reversed(_DECIDED):
        op.drop_column("labelled_examples", name)
    for name in reversed(_FLAGS):
        op.drop_index(f"ix_talks_{name}", "talks")
        op.drop_column("talks", name)
    op.drop_table("ratings")
