"""The stored plain text of documents, for reading and for checking citations."""

from uuid import UUID

from secretariat.platform.contents.store import ContentStore
from secretariat.platform.db.session import Database
from secretariat.platform.indexes import repository
from secretariat.retrieval.core import Authority, DocumentText, Scope
from secretariat.retrieval.errors import DocumentNotFoundError


class SqlDocumentTexts:
    """Implements retrieval.core.DocumentTexts; asks the authority anew for every text."""

    def __init__(self, database: Database, contents: ContentStore, authority: Authority) -> None:
        self._database = database
        self._contents = contents
        self._authority = authority

    async def text(self, scope: Scope, document_id: UUID) -> DocumentText:
        rules = await self._authority.readable(scope, [document_id])
        if document_id in rules:
            async with self._database.tenant(scope.tenant) as session:
                found = await repository.readable_text(session, document_id)
                if found is not None:
                    title, text_id = found
                    text = await self._contents.text(session, text_id)
                    return DocumentText(title, text, rules[document_id])
        raise DocumentNotFoundError("No such document.")
