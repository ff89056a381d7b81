"""People and their groups: adding, changing, disabling."""

from uuid import UUID

from secretariat.platform.access import repository as access
from secretariat.platform.access.caller import Caller
from secretariat.platform.audit.event import Resource
from secretariat.platform.db.session import TenantSession
from secretariat.platform.identity import repository
from secretariat.platform.identity.changes import record_change
from secretariat.platform.identity.escalation import check_not_above, roles_to_give
from secretariat.platform.identity.passwords import check_new_password, hash_password
from secretariat.platform.identity.schemas import UserChange, UserCreate
from secretariat.platform.identity.sign_in import confirm_password
from secretariat.platform.kit.ids import new_id
from secretariat.platform.kit.times import now
from secretariat.platform.services import Services
from secretariat.platform.tables.identity import Group, User
from secretariat.platform.web.errors import ConflictError, NotFoundError

OWNER = "owner"


async def get_user(session: TenantSession, user_id: UUID) -> User:
    """Raises NotFoundError."""
    user = await repository.user(session, user_id)
    if user is None:
        raise NotFoundError("user")
    return user


async def create_user(session: TenantSession, caller: Caller, wanted: UserCreate) -> User:
    """Raises ConflictError, InvalidError, EscalationError."""
    roles = await roles_to_give(session, caller, wanted.roles) if wanted.roles else []
    if wanted.password is not None:
        check_new_password(wanted.password, wanted.email)
    if await repository.user_by_email(session, wanted.email) is not None:
        raise ConflictError("Someone with this e-mail address is there already.")
    user = User(
        tenant_id=session.tenant_id,
        id=new_id(),
        email=wanted.email,
        name=wanted.name,
        password_hash=await hash_password(wanted.password) if wanted.password is not None else None,
        status="active",
        created_at=now(),
    )
    session.add(user)
    await session.flush()
    await access.assign(session, user.id, [role.id for role in roles])
    await record_change(
        session, caller, "ADMIN", "user.create", _resource(user), roles=[role.name for role in roles]
    )
    return user


async def change_user(
    session: TenantSession, services: Services, caller: Caller, user_id: UUID, change: UserChange
) -> User:
    """Raises NotFoundError, ConflictError, InvalidError, EscalationError, TooManyRequestsError."""
    user = await get_user(session, user_id)
    await check_not_above(session, caller, user)
    changed = sorted(change.model_fields_set - {"current_password"})
    if change.name is not None:
        user.name = change.name
    if change.password is not None:
        check_new_password(change.password, user.email)
        if user.id == caller.user_id and user.password_hash is not None:
            await confirm_password(services, caller, user, change.current_password)
        user.password_hash = await hash_password(change.password)
        await repository.revoke_sessions_of(session, user.id, now(), keep=caller.session_id)
    if change.roles is not None:
        await _set_roles(session, caller, user, change.roles)
    if change.status is not None:
        await _set_status(session, user, change.status)
    await session.flush()
    await record_change(
        session,
        caller,
        "ADMIN",
        "user.update",
        _resource(user),
        changed=changed,
        status=user.status,
        **({"roles": sorted(change.roles)} if change.roles is not None else {}),
    )
    return user


async def disable_user(session: TenantSession, caller: Caller, user_id: UUID) -> None:
    """People stay in the records, so they are disabled, not deleted."""
    user = await get_user(session, user_id)
    await check_not_above(session, caller, user)
    await _set_status(session, user, "disabled")
    await record_change(session, caller, "ADMIN", "user.disable", _resource(user))


async def _set_roles(session: TenantSession, caller: Caller, user: User, names: list[str]) -> None:
    roles = await roles_to_give(session, caller, names)
    if OWNER not in names:
        await _check_owner_stays(session, user)
    await access.assign(session, user.id, [role.id for role in roles])


async def _set_status(session: TenantSession, user: User, status: str) -> None:
    if status == "disabled":
        await _check_owner_stays(session, user)
        await repository.revoke_all_of(session, user.id, now())
    user.status = status
    await session.flush()


async def _check_owner_stays(session: TenantSession, user: User) -> None:
    owners = await access.active_holders(session, OWNER)
    if owners == [user.id]:
        raise ConflictError("This is the last owner. Make someone else an owner first.")


async def get_group(session: TenantSession, group_id: UUID) -> Group:
    """Raises NotFoundError."""
    group = await repository.group(session, group_id)
    if group is None:
        raise NotFoundError("group")
    return group


async def create_group(session: TenantSession, caller: Caller, name: str) -> Group:
    """Raises ConflictError."""
    if await repository.group_named(session, name) is not None:
        raise ConflictError("There is a group of this name already.")
    group = Group(tenant_id=session.tenant_id, id=new_id(), name=name, created_at=now())
    session.add(group)
    await session.flush()
    await record_change(session, caller, "ADMIN", "group.create", _group_resource(group))
    return group


async def rename_group(session: TenantSession, caller: Caller, group_id: UUID, name: str) -> Group:
    """Raises NotFoundError, ConflictError."""
    group = await get_group(session, group_id)
    namesake = await repository.group_named(session, name)
    if namesake is not None and namesake.id != group.id:
        raise ConflictError("There is a group of this name already.")
    group.name = name
    await session.flush()
    await record_change(session, caller, "ADMIN", "group.update", _group_resource(group))
    return group


async def remove_group(session: TenantSession, caller: Caller, group_id: UUID) -> None:
    """Its grants go with it: they name a principal that nobody has any more."""
    group = await get_group(session, group_id)
    await repository.remove_group(session, group.id)
    await access.forget_principal(session, f"group:{group.id}")
    await record_change(session, caller, "ADMIN", "group.delete", _group_resource(group))


async def add_member(session: TenantSession, caller: Caller, group_id: UUID, user_id: UUID) -> User:
    """Raises NotFoundError."""
    group, user = await get_group(session, group_id), await get_user(session, user_id)
    await repository.add_member(session, group.id, user.id)
    await record_change(
        session, caller, "ADMIN", "group.member.add", _group_resource(group), user_id=str(user.id)
    )
    return user


async def remove_member(session: TenantSession, caller: Caller, group_id: UUID, user_id: UUID) -> None:
    """Raises NotFoundError."""
    group = await get_group(session, group_id)
    if not await repository.remove_member(session, group.id, user_id):
        raise NotFoundError("member")
    await record_change(
        session, caller, "ADMIN", "group.member.remove", _group_resource(group), user_id=str(user_id)
    )


def _resource(user: User) -> Resource:
    return Resource("user", str(user.id), user.email)


def _group_resource(group: Group) -> Resource:
    return Resource("group", str(group.id), group.name)
