"""indexes for what the log offers to choose from"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "log_choices"
down_revision = "interrupted"
branch_labels = None
depends_on = None
SOME = sa.text("theme <> ''")


def upgrade() -> None:
    op.create_index("ix_talks_language", "talks", ["language"])
    op.create_index(
        "ix_talks_theme", "talks", ["theme"], sqlite_where=SOME, postgresql_where=SOME
    )


def downgrade() -> None:
    op.drop_index("ix_talks_theme", "talks")
    op.drop_index("ix_talks_language", "talks")
