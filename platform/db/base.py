"""The declarative base and the columns that most tables share."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import ForeignKey, MetaData, func
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB, TIMESTAMP
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import BigInteger, Text

from secretariat.platform.kit.ids import new_id

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: TIMESTAMP(timezone=True),
        UUID: PG_UUID(as_uuid=True),
        str: Text,
        bytes: BYTEA,
        int: BigInteger,
        dict[str, Any]: JSONB,
        list[str]: ARRAY(Text),
        list[UUID]: ARRAY(PG_UUID(as_uuid=True)),
        list[dict[str, Any]]: JSONB,
    }


class TenantRow:
    """A row that belongs to one tenant; row-level security is enabled and forced on its table.

    Primary keys begin with the tenant, so no key of one tenant can collide with another's.
    """

    tenant_id: Mapped[UUID] = mapped_column(
        ForeignKey("tenants.id", ondelete="RESTRICT"), primary_key=True, sort_order=-9
    )


class Identified(TenantRow):
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id, sort_order=-8)
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
