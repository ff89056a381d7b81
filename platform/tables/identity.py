"""People, what they sign in with, and the keys of programs."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from secretariat.platform.db.base import Base, Identified, TenantRow


class User(Identified, Base):
    """A person in one tenant. A person in two tenants has two rows. `email` is stored in lower case."""

    __tablename__ = "users"
    __table_args__ = (
        UniqueConstraint("tenant_id", "email"),
        CheckConstraint("status IN ('active', 'disabled')", name="status"),
    )

    email: Mapped[str]
    name: Mapped[str]
    password_hash: Mapped[str | None]
    status: Mapped[str] = mapped_column(server_default="active")
    last_seen_at: Mapped[datetime | None]


class ExternalIdentity(Identified, Base):
    """The subject that an identity provider knows a user by; e-mail addresses are never the link."""

    __tablename__ = "external_identities"
    __table_args__ = (
        UniqueConstraint("tenant_id", "connection_id", "subject"),
        ForeignKeyConstraint(["tenant_id", "user_id"], ["users.tenant_id", "users.id"]),
        ForeignKeyConstraint(
            ["tenant_id", "connection_id"], ["sign_in_connections.tenant_id", "sign_in_connections.id"]
        ),
    )

    user_id: Mapped[UUID]
    connection_id: Mapped[UUID]
    subject: Mapped[str]


class Group(Identified, Base):
    __tablename__ = "groups"
    __table_args__ = (UniqueConstraint("tenant_id", "name"),)

    name: Mapped[str]


class GroupMember(TenantRow, Base):
    __tablename__ = "group_members"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "group_id"], ["groups.tenant_id", "groups.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(["tenant_id", "user_id"], ["users.tenant_id", "users.id"], ondelete="CASCADE"),
    )

    group_id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(primary_key=True)


class ApiKey(Identified, Base):
    """A program's key: acts as its user, within `permissions`. Only an HMAC of the secret is kept."""

    __tablename__ = "api_keys"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "user_id"], ["users.tenant_id", "users.id"]),)

    user_id: Mapped[UUID]
    name: Mapped[str]
    secret_hmac: Mapped[bytes]
    permissions: Mapped[list[str]]
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class SignInSession(Identified, Base):
    """A signed-in browser."""

    __tablename__ = "sessions"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "user_id"], ["users.tenant_id", "users.id"]),)

    user_id: Mapped[UUID]
    secret_hmac: Mapped[bytes]
    csrf_token: Mapped[str]
    auth_method: Mapped[str]
    ip: Mapped[str | None]
    user_agent: Mapped[str | None]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class SignInLink(Identified, Base):
    """A link that signs one user in once."""

    __tablename__ = "sign_in_links"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "user_id"], ["users.tenant_id", "users.id"]),)

    user_id: Mapped[UUID]
    secret_hmac: Mapped[bytes]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class SignInConnection(Identified, Base):
    """An identity provider of a tenant. The client secret is content, so encrypted."""

    __tablename__ = "sign_in_connections"
    __table_args__ = (
        UniqueConstraint("tenant_id", "name"),
        CheckConstraint("kind IN ('oidc')", name="kind"),
        ForeignKeyConstraint(["tenant_id", "client_secret_id"], ["contents.tenant_id", "contents.id"]),
    )

    name: Mapped[str]
    kind: Mapped[str]
    issuer: Mapped[str]
    client_id: Mapped[str]
    client_secret_id: Mapped[UUID | None]
    default_role: Mapped[str]
    enabled: Mapped[bool] = mapped_column(server_default="true")


class LoginState(Identified, Base):
    """A sign-in under way at an identity provider; `secret_id` holds nonce and PKCE verifier."""

    __tablename__ = "login_states"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "connection_id"],
            ["sign_in_connections.tenant_id", "sign_in_connections.id"],
            ondelete="CASCADE",
        ),
    )

    connection_id: Mapped[UUID]
    state_hmac: Mapped[bytes]
    browser_hmac: Mapped[bytes]
    secret_id: Mapped[UUID]
    next_path: Mapped[str]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
