"""how often a process died while it worked on a message"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "interrupted"
down_revision = "ratings"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = {"server_default": "0", "nullable": False}
    op.add_column("inbox", sa.Column("interrupted", sa.Integer(), **number))


def downgrade() -> None:
    op.drop_column("inbox", "interrupted")
