"""Runs the migrations as the owner of the tables. The URL comes from the caller or DATABASE_OWNER_URL."""

import os

from alembic import context
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

import secretariat.platform.tables  # noqa: F401 - fills the metadata
from secretariat.platform.db.base import Base


def run() -> None:
    url = context.config.get_main_option("sqlalchemy.url") or os.environ["DATABASE_OWNER_URL"]
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=Base.metadata, compare_type=True)
        with context.begin_transaction():
            context.run_migrations()


run()
