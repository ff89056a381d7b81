"""Identity providers of a tenant: set up, changed, removed by its administrators."""

from urllib.parse import urlsplit
from uuid import UUID

from secretariat.platform.access import repository as access
from secretariat.platform.access.caller import Caller
from secretariat.platform.audit.event import Resource
from secretariat.platform.contents.store import ContentStore
from secretariat.platform.db.session import TenantSession
from secretariat.platform.identity import repository
from secretariat.platform.identity.changes import record_change
from secretariat.platform.identity.escalation import check_holds
from secretariat.platform.identity.oidc.network import Networks
from secretariat.platform.identity.oidc.provider import LOOPBACK
from secretariat.platform.identity.schemas import ConnectionChange, ConnectionCreate
from secretariat.platform.kit.ids import new_id
from secretariat.platform.kit.times import now
from secretariat.platform.services import Services
from secretariat.platform.tables.identity import SignInConnection
from secretariat.platform.web.errors import ConflictError, InvalidError, NotFoundError


async def get_connection(session: TenantSession, connection_id: UUID) -> SignInConnection:
    """Raises NotFoundError."""
    connection = await repository.connection(session, connection_id)
    if connection is None:
        raise NotFoundError("connection")
    return connection


async def create_connection(
    session: TenantSession, services: Services, caller: Caller, wanted: ConnectionCreate
) -> SignInConnection:
    """Raises ConflictError, InvalidError, EscalationError."""
    contents = services.contents
    check_provider_url(wanted.issuer, Networks.of(services.settings))
    await _check_role(session, caller, wanted.default_role)
    await _check_free(session, wanted.name)
    connection = SignInConnection(
        tenant_id=session.tenant_id,
        id=new_id(),
        name=wanted.name,
        kind=wanted.kind,
        issuer=wanted.issuer,
        client_id=wanted.client_id,
        client_secret_id=(
            (await contents.put(session, wanted.client_secret)).id if wanted.client_secret else None
        ),
        default_role=wanted.default_role,
        enabled=wanted.enabled,
        created_at=now(),
    )
    session.add(connection)
    await session.flush()
    await record_change(
        session,
        caller,
        "IDENTITY",
        "connection.create",
        _resource(connection),
        issuer=connection.issuer,
        client_id=connection.client_id,
        default_role=connection.default_role,
    )
    return connection


async def change_connection(
    session: TenantSession,
    contents: ContentStore,
    caller: Caller,
    connection_id: UUID,
    change: ConnectionChange,
) -> SignInConnection:
    """Raises NotFoundError, ConflictError, InvalidError, EscalationError."""
    connection = await get_connection(session, connection_id)
    if change.name is not None and change.name != connection.name:
        await _check_free(session, change.name)
        connection.name = change.name
    if change.client_secret is not None:
        connection.client_secret_id = (await contents.put(session, change.client_secret)).id
    if change.default_role is not None:
        await _check_role(session, caller, change.default_role)
        connection.default_role = change.default_role
    if change.enabled is not None:
        connection.enabled = change.enabled
    await session.flush()
    await record_change(
        session,
        caller,
        "IDENTITY",
        "connection.update",
        _resource(connection),
        changed=sorted(change.model_fields_set),
        enabled=connection.enabled,
    )
    return connection


async def remove_connection(session: TenantSession, caller: Caller, connection_id: UUID) -> None:
    """Raises NotFoundError; ConflictError once people are linked through it: disable it then."""
    connection = await get_connection(session, connection_id)
    if await repository.has_identities(session, connection.id):
        raise ConflictError("People sign in through this connection. Disable it instead.")
    await repository.remove_connection(session, connection.id)
    await record_change(session, caller, "IDENTITY", "connection.delete", _resource(connection))


def check_provider_url(url: str, networks: Networks) -> None:
    """TLS, and a host that may be asked; plain HTTP only on this machine itself. Raises InvalidError."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError as cause:
        raise InvalidError("The issuer is not a URL.") from cause
    secure = parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK)
    if not secure or not host or parts.username or parts.password or parts.query or parts.fragment:
        raise InvalidError("The issuer is an https URL without user, query or fragment.")
    if not networks.allow_host(host):
        raise InvalidError("The issuer is at an address that this service may not ask.")


async def _check_role(session: TenantSession, caller: Caller, name: str) -> None:
    roles = await access.roles_named(session, [name])
    if not roles:
        raise InvalidError(f"No such role: {name}.")
    check_holds(caller, roles[0].permissions)


async def _check_free(session: TenantSession, name: str) -> None:
    if await repository.connection_named(session, name) is not None:
        raise ConflictError("There is a connection of this name already.")


def _resource(connection: SignInConnection) -> Resource:
    return Resource("connection", str(connection.id), connection.name)
