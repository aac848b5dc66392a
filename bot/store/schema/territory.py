"""What the city consists of: areas, streets, and when waste is collected."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, Float, Integer, String, Text

from bot.store.schema.base import BigId, metadata

areas = sa.Table(
    "areas",
    metadata,
    Column("code", String(20), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("name", String(120), nullable=False),
    Column("parent", String(20)),
    Column("postcode", String(10)),
    Column("figures", sa.JSON, nullable=False),
    Column("year", Integer),
    Column("source", Text, nullable=False, server_default=""),
    Column("lat", Float),
    Column("lon", Float),
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

collections = sa.Table(
    "collections",
    metadata,
    Column("area_code", String(20), primary_key=True),
    Column("waste", String(20), primary_key=True),
    Column("first_date", sa.Date, nullable=False),
    Column("every_weeks", Integer, nullable=False),
    Column("sample", Boolean, nullable=False, server_default=sa.false()),
)
