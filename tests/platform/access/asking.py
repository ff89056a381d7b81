"""Asking for somebody, again and again."""

from collections.abc import Collection
from uuid import UUID

from secretariat.platform.access.authority import PersonAuthority
from secretariat.platform.db.session import Database
from secretariat.platform.indexes.permits import KnownPermits
from secretariat.platform.tables.identity import User
from secretariat.retrieval.core import DocumentFilter, Permit, Scope


class Asking:
    """A PersonAuthority within its own tenant."""

    def __init__(self, database: Database, person: User, known: KnownPermits | None = None) -> None:
        self._scope = Scope(person.tenant_id)
        self._authority = PersonAuthority(database, person.id, known)

    async def permit(self) -> Permit:
        return await self._authority.permit(self._scope)

    async def readable(self, document_ids: Collection[UUID]) -> dict[UUID, UUID]:
        return await self._authority.readable(self._scope, document_ids)

    async def matching(self, where: DocumentFilter) -> frozenset[UUID]:
        return await self._authority.matching(self._scope, where)
