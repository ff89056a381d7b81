"""Who may do what: roles carry permissions, grants open and close single collections and documents."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from secretariat.platform.db.base import Base, Identified, TenantRow


class Role(Identified, Base):
    __tablename__ = "roles"
    __table_args__ = (UniqueConstraint("tenant_id", "name"),)

    name: Mapped[str]
    permissions: Mapped[list[str]]
    builtin: Mapped[bool] = mapped_column(server_default="false")


class RoleAssignment(TenantRow, Base):
    __tablename__ = "role_assignments"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "user_id"], ["users.tenant_id", "users.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["tenant_id", "role_id"], ["roles.tenant_id", "roles.id"], ondelete="CASCADE"),
    )

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    role_id: Mapped[UUID] = mapped_column(primary_key=True)


class Grant(Identified, Base):
    """`principal` is `user:<id>`, `group:<id>` or `everyone`. A deny beats any allow."""

    __tablename__ = "grants"
    __table_args__ = (
        UniqueConstraint("tenant_id", "resource_type", "resource_id", "principal", "effect"),
        CheckConstraint("resource_type IN ('collection', 'document', 'conversation')", name="resource_type"),
        CheckConstraint("effect IN ('allow', 'deny')", name="effect"),
        Index(None, "tenant_id", "principal"),
    )

    resource_type: Mapped[str]
    resource_id: Mapped[UUID]
    principal: Mapped[str]
    effect: Mapped[str]
    created_by: Mapped[UUID | None]


class GrantVersion(TenantRow, Base):
    """Another version after each change to the tenant's grants, or to who is in which group: triggers write it,
    whoever changes them and how. No version ever comes back."""

    __tablename__ = "grant_versions"

    version: Mapped[UUID]
