"""the desk: pictures that staff send, standard replies that are edited, names that are shown"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.store.engine import UtcDateTime

revision = "desk_pictures"
down_revision = "open311"
branch_labels = None
depends_on = None


def upgrade() -> None:
    text = {"server_default": "", "nullable": False}
    op.add_column("photos", sa.Column("sent_by", sa.String(length=60), **text))
    op.add_column("photos", sa.Column("share", sa.String(length=64), nullable=True))
    op.add_column("photos", sa.Column("share_until", UtcDateTime(timezone=True), nullable=True))
    op.create_index("uq_photos_share", "photos", ["share"], unique=True)
    number = {"nullable": False}
    op.add_column("canned_replies", sa.Column("place", sa.Integer(), server_default="0", **number))
    op.add_column(
        "canned_replies", sa.Column("version", sa.Integer(), server_default="1", **number)
    )
    op.add_column("canned_replies", sa.Column("edited_by", sa.String(length=60), nullable=True))
    op.add_column(
        "canned_replies", sa.Column("retired_at", UtcDateTime(timezone=True), nullable=True)
    )
    op.add_column("staff", sa.Column("shown", sa.String(length=60), **text))


def downgrade() -> None:
    with op.batch_alter_table("staff") as staff:
        staff.drop_column("shown")
    with op.batch_alter_table("canned_replies") as replies:
        for name in ("retired_at", "edited_by", "version", "place"):
            replies.drop_column(name)
    op.drop_index("uq_photos_share", "photos")
    with op.batch_alter_table("photos") as photos:
        for name in ("share_until", "share", "sent_by"):
            photos.drop_column(name)
