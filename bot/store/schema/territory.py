"""What the city consists of: areas and their outlines, streets, lamp-posts, facilities, officials,
and when waste is collected.

`territory_loads` says for every kind of rows where they came from; each load raises `version` in
the marks, by which a running server notices that it should read them again.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, Float, Integer, String, Text

from bot.store.engine import UtcDateTime
from bot.store.schema.base import BigId, metadata

areas = sa.Table(
    "areas",
    metadata,
    Column("code", String(20), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("name", String(120), nullable=False),
    Column("parent", String(20)),
    Column("postcode", String(200)),  # one, or several with ";" between
    Column("figures", sa.JSON, nullable=False),
    Column("year", Integer),
    Column("source", Text, nullable=False, server_default=""),
    Column("lat", Float),
    Column("lon", Float),
)

outlines = sa.Table(
    "outlines",
    metadata,
    Column("area_code", String(20), primary_key=True),
    # A GeoJSON geometry, Polygon or MultiPolygon in WGS84, as text: a map can use it as it is.
    Column("geometry", Text, nullable=False),
    Column("source", Text, nullable=False, server_default=""),
)

streets = sa.Table(
    "streets",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("name", String(120), nullable=False, index=True),
    Column("town", String(80), nullable=False, server_default=""),
    Column("area_codes", sa.JSON, nullable=False),
    Column("lat", Float),
    Column("lon", Float),
    sa.UniqueConstraint("name", "town"),
)

lamp_posts = sa.Table(
    "lamp_posts",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    # Not unique: some numbers stand on two or three posts.
    Column("number", String(40), nullable=False, index=True),
    Column("street", String(120), nullable=False, server_default=""),
    Column("area_code", String(20)),
    Column("lat", Float, nullable=False),
    Column("lon", Float, nullable=False),
)

facilities = sa.Table(
    "facilities",
    metadata,
    Column("code", String(60), primary_key=True),
    Column("kind", String(40), nullable=False, index=True),
    Column("name", String(160), nullable=False),
    Column("lat", Float, nullable=False),
    Column("lon", Float, nullable=False),
    Column("address", Text, nullable=False, server_default=""),
    Column("opening_hours", Text, nullable=False, server_default=""),
    Column("phone", String(40)),
    Column("url", Text),
    Column("sample", Boolean, nullable=False, server_default=sa.false()),
    Column("source", Text, nullable=False, server_default=""),
)

officials = sa.Table(
    "officials",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("area_code", String(20), nullable=False, index=True),
    Column("role", String(40), nullable=False),
    Column("name", String(160), nullable=False),
    Column("phone", String(40)),
    Column("email", String(200)),
    Column("url", Text),
    Column("address", Text, nullable=False, server_default=""),
    Column("opening_hours", Text, nullable=False, server_default=""),
    Column("sample", Boolean, nullable=False, server_default=sa.false()),
    Column("source", Text, nullable=False, server_default=""),
    sa.UniqueConstraint("area_code", "role", "name"),
)

collections = sa.Table(
    "collections",
    metadata,
    Column("area_code", String(20), primary_key=True),
    Column("waste", String(20), primary_key=True),
    Column("first_date", sa.Date, nullable=False),
    Column("every_weeks", Integer, nullable=False),
    Column("sample", Boolean, nullable=False, server_default=sa.false()),
)

collection_exceptions = sa.Table(
    "collection_exceptions",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("area_code", String(20), nullable=False, index=True),
    Column("waste", String(20), nullable=False),
    # Both: moved from one day to the other. Only planned: cancelled. Only collected: an extra day.
    Column("planned_on", sa.Date),
    Column("collected_on", sa.Date),
    Column("reason", Text, nullable=False, server_default=""),
    Column("sample", Boolean, nullable=False, server_default=sa.false()),
)

remembered_areas = sa.Table(
    "remembered_areas",
    metadata,
    Column("conversation_id", String(40), primary_key=True),
    Column("area_code", String(20), nullable=False),
    Column("agreed_at", UtcDateTime, nullable=False),
    sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"]),
)

territory_loads = sa.Table(
    "territory_loads",
    metadata,
    Column("kind", String(40), primary_key=True),
    Column("file", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("rows", Integer, nullable=False),
    Column("loaded_at", UtcDateTime, nullable=False),
)
