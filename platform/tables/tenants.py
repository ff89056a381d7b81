"""Tenants: the one table without row-level security, and the keys their content is under."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from secretariat.platform.db.base import Base, Identified
from secretariat.platform.kit.ids import new_id


class Tenant(Base):
    __tablename__ = "tenants"
    __table_args__ = (CheckConstraint("status IN ('active', 'suspended')", name="status"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    status: Mapped[str] = mapped_column(server_default="active")
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class DataKey(Identified, Base):
    """A key for content, wrapped by the master key. Destroying the row's key erases what it protects."""

    __tablename__ = "data_keys"

    wrapped: Mapped[bytes | None]
    destroyed_at: Mapped[datetime | None]
