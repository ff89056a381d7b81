"""The documents in reach of a question, by size: what the choice between search and whole documents needs.

Implements agents.conversation.core.Shelf over the grants of the moment.
"""

from collections.abc import Sequence
from uuid import UUID

from secretariat.agents.conversation.core import DocumentSize
from secretariat.platform.access.repository import READ_DOCUMENTS, active_standing
from secretariat.platform.conversations import repository
from secretariat.platform.db.session import Database, TenantSession
from secretariat.retrieval.core import Scope


class SqlShelf:
    """For one person: groups and roles count as they are now."""

    def __init__(self, database: Database, user_id: UUID) -> None:
        self._database = database
        self._user_id = user_id

    async def sizes(
        self, scope: Scope, collection_ids: frozenset[UUID] | None, limit: int
    ) -> Sequence[DocumentSize]:
        async with self._database.tenant(scope.tenant) as session:
            principals = await self._principals(session)
            if principals is None:
                return []
            rows = await repository.document_sizes(session, principals, collection_ids, limit + 1)
            return [DocumentSize(*row) for row in rows]

    async def denied(self, scope: Scope, collection_ids: frozenset[UUID] | None) -> int:
        async with self._database.tenant(scope.tenant) as session:
            return await repository.denied_documents(session, await self._principals(session), collection_ids)

    async def _principals(self, session: TenantSession) -> frozenset[str] | None:
        """None for who reads no documents."""
        now = await active_standing(session, self._user_id)
        if now is None or READ_DOCUMENTS not in now.permissions:
            return None
        return now.principals(self._user_id)
