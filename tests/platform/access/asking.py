"""Asking on behalf of any principals, whoever they belong to."""

from collections.abc import Collection
from uuid import UUID

from secretariat.platform.access.authority import documents_readable
from secretariat.platform.access.permit import matching_documents, permit, readable_now
from secretariat.platform.db.session import Database
from secretariat.platform.indexes.permits import Asker, KnownPermits
from secretariat.retrieval.core import DocumentFilter, Permit


class Asking:
    """What a PersonAuthority asks once it knows the person's principals."""

    def __init__(
        self, database: Database, tenant_id: UUID, *principals: str, known: KnownPermits | None = None
    ) -> None:
        self._database = database
        self._asker = Asker(tenant_id, frozenset(principals))
        self._known = KnownPermits() if known is None else known

    async def permit(self) -> Permit:
        async with self._database.tenant(self._asker.tenant_id) as session:
            return await permit(session, self._asker, self._known)

    async def readable(self, document_ids: Collection[UUID]) -> dict[UUID, UUID]:
        async with self._database.tenant(self._asker.tenant_id) as session:
            return await readable_now(session, self._asker, document_ids, self._known)

    async def matching(self, where: DocumentFilter) -> frozenset[UUID]:
        async with self._database.tenant(self._asker.tenant_id) as session:
            readable = documents_readable(self._asker.principals)
            return await matching_documents(session, readable, where)
