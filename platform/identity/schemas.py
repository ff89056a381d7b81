"""What identity's endpoints take and give."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from secretariat.platform.identity.directory import Entry


def _plain(text: str) -> str:
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise ValueError("control characters are not allowed")
    return text


Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_plain)
]
Email = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, to_lower=True, max_length=254, pattern=r"^[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+$"
    ),
]
Password = Annotated[str, StringConstraints(min_length=1, max_length=1024)]


class Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SignIn(Request):
    tenant: Annotated[str, StringConstraints(min_length=1, max_length=63)]
    email: Annotated[str, StringConstraints(min_length=1, max_length=320)]
    password: Password


class UserRef(BaseModel):
    id: UUID
    email: str
    name: str


class TenantRef(BaseModel):
    id: UUID
    slug: str
    name: str


class SessionView(BaseModel):
    """`csrf_token` and `expires_at` are null for API keys."""

    user: UserRef
    tenant: TenantRef
    roles: list[str]
    permissions: list[str]
    csrf_token: str | None
    expires_at: datetime | None


class SignInTenant(BaseModel):
    slug: str
    name: str | None


class SignInChoice(BaseModel):
    id: UUID
    name: str
    kind: str
    start_url: str


class SignInOptions(BaseModel):
    tenant: SignInTenant
    password: bool = True
    connections: list[SignInChoice]


class UserCreate(Request):
    """Without a password, the person signs in through a connection or a sign-in link."""

    email: Email
    name: Name
    password: Password | None = None
    roles: list[str] = Field(default_factory=list, max_length=50)


class UserChange(Request):
    """`current_password` goes with a new password of one's own, once one has a password."""

    name: Name | None = None
    password: Password | None = None
    current_password: Password | None = None
    roles: list[str] | None = Field(default=None, max_length=50)
    status: Literal["active", "disabled"] | None = None


class UserView(BaseModel):
    id: UUID
    email: str
    name: str
    roles: list[str]
    status: str
    created_at: datetime
    last_seen_at: datetime | None


class GroupWrite(Request):
    name: Name


class GroupView(BaseModel):
    id: UUID
    name: str
    member_count: int
    created_at: datetime


class MemberAdd(Request):
    user_id: UUID


class RoleCreate(Request):
    name: Name
    permissions: list[str] = Field(max_length=100)


class RoleChange(Request):
    name: Name | None = None
    permissions: list[str] | None = Field(default=None, max_length=100)


class RoleView(BaseModel):
    id: UUID
    name: str
    permissions: list[str]
    builtin: bool


class PermissionView(BaseModel):
    name: str
    description: str


class PermissionList(BaseModel):
    object: Literal["list"] = "list"
    data: list[PermissionView]


class KeyCreate(Request):
    """`permissions`, or the permissions that `roles` have now; never more than the caller's own."""

    name: Name
    permissions: list[str] | None = Field(default=None, max_length=100)
    roles: list[str] | None = Field(default=None, max_length=50)
    expires_at: datetime | None = None


class KeyView(BaseModel):
    id: UUID
    user_id: UUID
    name: str
    prefix: str
    permissions: list[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class KeyCreated(KeyView):
    """`secret` is the whole key. It is shown here and never again."""

    secret: str


class ConnectionCreate(Request):
    name: Name
    kind: Literal["oidc"] = "oidc"
    issuer: Annotated[str, StringConstraints(min_length=8, max_length=500)]
    client_id: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    client_secret: Annotated[str, StringConstraints(min_length=1, max_length=1000)] | None = None
    default_role: str = "member"
    enabled: bool = True


class ConnectionChange(Request):
    """The issuer stays: changing it would hand the linked people to another provider."""

    name: Name | None = None
    client_secret: Annotated[str, StringConstraints(min_length=1, max_length=1000)] | None = None
    default_role: str | None = None
    enabled: bool | None = None


class ConnectionView(BaseModel):
    id: UUID
    name: str
    kind: str
    issuer: str
    client_id: str
    default_role: str
    enabled: bool
    redirect_uri: str
    created_at: datetime


Principal = Annotated[
    str, StringConstraints(pattern=r"^(user|group):[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
]


class PrincipalView(BaseModel):
    """Whom a grant or a share can name by `principal`. `active`: may sign in; groups always are."""

    principal: str
    kind: Literal["user", "group"]
    name: str
    email: str | None
    active: bool


class DirectoryView(BaseModel):
    """`more`: there are others whose names begin so; ask for longer words."""

    data: list[PrincipalView]
    more: bool

    @classmethod
    def of(cls, found: Sequence[Entry], *, more: bool) -> "DirectoryView":
        data = [
            PrincipalView(
                principal=f"{one.kind}:{one.id}",
                kind=one.kind,
                name=one.name,
                email=one.email,
                active=one.active,
            )
            for one in found
        ]
        return cls(data=data, more=more)
