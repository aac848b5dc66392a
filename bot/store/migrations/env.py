"""Alembic's entry: migrations run on the connection that `bot.store.migrate` hands over."""

from alembic import context

from bot.store.schema import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=True,
    # Rasa owns its own table; we neither make nor drop it.
    include_object=lambda thing, name, kind, reflected, other: (
        not (kind == "table" and reflected and other is None)
    ),
)
with context.begin_transaction():
    context.run_migrations()
