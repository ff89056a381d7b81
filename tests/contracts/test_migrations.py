"""The migrations build exactly the tables that the code describes."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

import secretariat.platform.tables  # noqa: F401 - fills the metadata
from secretariat.platform.db.base import Base
from tests.support.postgres import Postgres


def test_tables_and_migrations_say_the_same(postgres: Postgres) -> None:
    engine = create_engine(postgres.owner_url)
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, Base.metadata) == []
    finally:
        engine.dispose()
