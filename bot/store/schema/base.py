"""What all tables share: the metadata with its naming convention, and the integer key."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Integer

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
BigId = sa.BigInteger().with_variant(Integer, "sqlite")
