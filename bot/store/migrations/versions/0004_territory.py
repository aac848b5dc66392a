"""Outlines, lamp-posts, facilities, officials, moved collections, remembered areas, loads."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import bot.store.engine

revision = 'territory'
down_revision = "photos"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('collection_exceptions',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('area_code', sa.String(length=20), nullable=False),
    sa.Column('waste', sa.String(length=20), nullable=False),
    sa.Column('planned_on', sa.Date(), nullable=True),
    sa.Column('collected_on', sa.Date(), nullable=True),
    sa.Column('reason', sa.Text(), server_default='', nullable=False),
    sa.Column('sample', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_collection_exceptions'))
    )
    with op.batch_alter_table('collection_exceptions', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_collection_exceptions_area_code'), ['area_code'], unique=False)

    op.create_table('facilities',
    sa.Column('code', sa.String(length=60), nullable=False),
    sa.Column('kind', sa.String(length=40), nullable=False),
    sa.Column('name', sa.String(length=160), nullable=False),
    sa.Column('lat', sa.Float(), nullable=False),
    sa.Column('lon', sa.Float(), nullable=False),
    sa.Column('address', sa.Text(), server_default='', nullable=False),
    sa.Column('opening_hours', sa.Text(), server_default='', nullable=False),
    sa.Column('phone', sa.String(length=40), nullable=True),
    sa.Column('url', sa.Text(), nullable=True),
    sa.Column('sample', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.Column('source', sa.Text(), server_default='', nullable=False),
    sa.PrimaryKeyConstraint('code', name=op.f('pk_facilities'))
    )
    with op.batch_alter_table('facilities', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_facilities_kind'), ['kind'], unique=False)

    op.create_table('lamp_posts',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('number', sa.String(length=40), nullable=False),
    sa.Column('street', sa.String(length=120), server_default='', nullable=False),
    sa.Column('area_code', sa.String(length=20), nullable=True),
    sa.Column('lat', sa.Float(), nullable=False),
    sa.Column('lon', sa.Float(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_lamp_posts'))
    )
    with op.batch_alter_table('lamp_posts', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_lamp_posts_number'), ['number'], unique=False)

    op.create_table('officials',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('area_code', sa.String(length=20), nullable=False),
    sa.Column('role', sa.String(length=40), nullable=False),
    sa.Column('name', sa.String(length=160), nullable=False),
    sa.Column('phone', sa.String(length=40), nullable=True),
    sa.Column('email', sa.String(length=200), nullable=True),
    sa.Column('url', sa.Text(), nullable=True),
    sa.Column('address', sa.Text(), server_default='', nullable=False),
    sa.Column('opening_hours', sa.Text(), server_default='', nullable=False),
    sa.Column('sample', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.Column('source', sa.Text(), server_default='', nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_officials')),
    sa.UniqueConstraint('area_code', 'role', 'name', name=op.f('uq_officials_area_code_role_name'))
    )
    with op.batch_alter_table('officials', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_officials_area_code'), ['area_code'], unique=False)

    op.create_table('outlines',
    sa.Column('area_code', sa.String(length=20), nullable=False),
    sa.Column('geometry', sa.Text(), nullable=False),
    sa.Column('source', sa.Text(), server_default='', nullable=False),
    sa.PrimaryKeyConstraint('area_code', name=op.f('pk_outlines'))
    )
    op.create_table('territory_loads',
    sa.Column('kind', sa.String(length=40), nullable=False),
    sa.Column('file', sa.Text(), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('rows', sa.Integer(), nullable=False),
    sa.Column('loaded_at', bot.store.engine.UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('kind', name=op.f('pk_territory_loads'))
    )
    op.create_table('remembered_areas',
    sa.Column('conversation_id', sa.String(length=40), nullable=False),
    sa.Column('area_code', sa.String(length=20), nullable=False),
    sa.Column('agreed_at', bot.store.engine.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['conversation_id'], ['conversations.id'], name=op.f('fk_remembered_areas_conversation_id')),
    sa.PrimaryKeyConstraint('conversation_id', name=op.f('pk_remembered_areas'))
    )
    with op.batch_alter_table('areas', schema=None) as batch_op:
        batch_op.alter_column('postcode',
               existing_type=sa.VARCHAR(length=10),
               type_=sa.String(length=200),
               existing_nullable=True)



def downgrade() -> None:
    with op.batch_alter_table('areas', schema=None) as batch_op:
        batch_op.alter_column('postcode',
               existing_type=sa.String(length=200),
               type_=sa.VARCHAR(length=10),
               existing_nullable=True)

    op.drop_table('remembered_areas')
    op.drop_table('territory_loads')
    op.drop_table('outlines')
    with op.batch_alter_table('officials', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_officials_area_code'))

    op.drop_table('officials')
    with op.batch_alter_table('lamp_posts', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_lamp_posts_number'))

    op.drop_table('lamp_posts')
    with op.batch_alter_table('facilities', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_facilities_kind'))

    op.drop_table('facilities')
    with op.batch_alter_table('collection_exceptions', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_collection_exceptions_area_code'))

    op.drop_table('collection_exceptions')
