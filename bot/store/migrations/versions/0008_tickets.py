"""the life of a ticket: targets, followers, news to be told, follow requests, events for good"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import bot.store.engine

revision = "tickets"
down_revision = "staff"
branch_labels = None
depends_on = None

KEPT = ("id", "ticket_id", "kind", "state", "public", "by", "happened_at")
SQLITE_SAME = " AND ".join(f'NEW."{name}" IS OLD."{name}"' for name in KEPT)
SQLITE = (
    "CREATE TRIGGER ticket_events_kept BEFORE DELETE ON ticket_events "
    "BEGIN SELECT RAISE(ABORT, 'ticket events are never deleted'); END",
    "CREATE TRIGGER ticket_events_unchanged BEFORE UPDATE ON ticket_events "
    f"WHEN NOT ({SQLITE_SAME} AND NEW.facts IS OLD.facts "
    "AND (NEW.text = OLD.text OR NEW.text = '') "
    "AND (NEW.conversation_id IS OLD.conversation_id OR NEW.conversation_id IS NULL)) "
    "BEGIN SELECT RAISE(ABORT, 'ticket events are never changed'); END",
)
POSTGRES_SAME = " AND ".join(f'NEW."{name}" IS NOT DISTINCT FROM OLD."{name}"' for name in KEPT)
POSTGRES = (
    f"""CREATE FUNCTION ticket_events_for_good() RETURNS trigger AS $$
    BEGIN
        IF TG_OP = 'DELETE' THEN
            RAISE EXCEPTION 'ticket events are never deleted';
        END IF;
        IF NOT ({POSTGRES_SAME} AND NEW.facts::text IS NOT DISTINCT FROM OLD.facts::text
                AND (NEW.text = OLD.text OR NEW.text = '')
                AND (NEW.conversation_id IS NOT DISTINCT FROM OLD.conversation_id
                     OR NEW.conversation_id IS NULL)) THEN
            RAISE EXCEPTION 'ticket events are never changed';
        END IF;
        RETURN NEW;
    END $$ LANGUAGE plpgsql""",
    "CREATE TRIGGER ticket_events_for_good BEFORE UPDATE OR DELETE ON ticket_events "
    "FOR EACH ROW EXECUTE FUNCTION ticket_events_for_good()",
)


def big_id() -> sa.types.TypeEngine:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def utc() -> bot.store.engine.UtcDateTime:
    return bot.store.engine.UtcDateTime(timezone=True)


def ticket_columns() -> tuple[sa.Column, ...]:
    return (
        sa.Column("street", sa.String(length=120), nullable=True),
        sa.Column("source", sa.String(length=20), server_default="chat", nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("planned_for", sa.Date(), nullable=True),
        sa.Column("passed_to", sa.String(length=200), server_default="", nullable=False),
        sa.Column("duplicate_of", sa.String(length=20), nullable=True),
        sa.Column("reopened_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("overdue_told_for", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
    )


def upgrade() -> None:
    for column in ticket_columns():
        op.add_column("tickets", column)
    op.create_index("ix_tickets_conversation_id", "tickets", ["conversation_id"])
    op.create_index("ix_tickets_state_due_on", "tickets", ["state", "due_on"])
    op.add_column("ticket_events", sa.Column("conversation_id", sa.String(40), nullable=True))
    op.add_column("ticket_events", sa.Column("facts", sa.JSON(), nullable=True))
    op.create_table(
        "ticket_followers",
        sa.Column("ticket_id", big_id(), nullable=False),
        sa.Column("conversation_id", sa.String(length=40), nullable=False),
        sa.Column("language", sa.String(length=5), server_default="", nullable=False),
        sa.Column("since_at", utc(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_ticket_followers_conversation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_ticket_followers_ticket_id")
        ),
        sa.PrimaryKeyConstraint("ticket_id", "conversation_id", name=op.f("pk_ticket_followers")),
    )
    op.create_index("ix_ticket_followers_conversation_id", "ticket_followers", ["conversation_id"])
    # Whoever reported is told: they are the first to follow.
    op.execute(
        "INSERT INTO ticket_followers (ticket_id, conversation_id, language, since_at) "
        "SELECT id, conversation_id, language, created_at FROM tickets "
        "WHERE conversation_id IS NOT NULL"
    )
    op.create_table(
        "ticket_news",
        sa.Column("event_id", big_id(), nullable=False),
        sa.Column("conversation_id", sa.String(length=40), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_ticket_news_conversation_id")
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["ticket_events.id"], name=op.f("fk_ticket_news_event_id")
        ),
        sa.PrimaryKeyConstraint("event_id", "conversation_id", name=op.f("pk_ticket_news")),
    )
    op.create_table(
        "ticket_lookups",
        sa.Column("conversation_id", sa.String(length=40), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("count", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", "day", name=op.f("pk_ticket_lookups")),
    )
    _create_follow_requests()
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRES:
        op.execute(statement)


def _create_follow_requests() -> None:
    op.create_table(
        "follow_requests",
        sa.Column("id", big_id(), autoincrement=True, nullable=False),
        sa.Column("ticket_id", big_id(), nullable=False),
        sa.Column("conversation_id", sa.String(length=40), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("address", sa.String(length=200), nullable=True),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", utc(), nullable=False),
        sa.Column("expires_at", utc(), nullable=False),
        sa.Column("used_at", utc(), nullable=True),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_follow_requests_conversation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_follow_requests_ticket_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_follow_requests")),
    )
    for column in ("conversation_id", "address", "secret_hash"):
        op.create_index(f"ix_follow_requests_{column}", "follow_requests", [column])


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER ticket_events_kept")
        op.execute("DROP TRIGGER ticket_events_unchanged")
    else:
        op.execute("DROP TRIGGER ticket_events_for_good ON ticket_events")
        op.execute("DROP FUNCTION ticket_events_for_good()")
    for table in ("follow_requests", "ticket_lookups", "ticket_news", "ticket_followers"):
        op.drop_table(table)
    with op.batch_alter_table("ticket_events") as batch:
        batch.drop_column("facts")
        batch.drop_column("conversation_id")
    op.drop_index("ix_tickets_state_due_on", "tickets")
    op.drop_index("ix_tickets_conversation_id", "tickets")
    with op.batch_alter_table("tickets") as batch:
        for column in reversed(ticket_columns()):
            batch.drop_column(column.name)
