"""The log in PostgreSQL keeps every promise of a ChunkLog."""

from collections.abc import Sequence
from uuid import UUID

import orjson
import pytest
from sqlalchemy import select

from secretariat.platform.db.session import TenantSession
from secretariat.platform.indexes import repository
from secretariat.platform.indexes.chunk_log import SqlChunkLog
from secretariat.platform.services import Services
from secretariat.platform.tables.documents import ChunkRow, Document
from secretariat.platform.tables.tenants import Tenant
from secretariat.retrieval.core import Chunk
from tests.platform.indexes.test_chunk_log import make_document
from tests.retrieval.log_conformance import ChunkLogConformance, WritableLog


class TestSqlChunkLog(ChunkLogConformance):
    @pytest.fixture
    def subject(self, services: Services, tenant: Tenant) -> WritableLog:
        async def append(added: Sequence[Chunk]) -> None:
            async with services.database.tenant(tenant.id) as session:
                await _write(session, services, added)

        async def remove(ids: Sequence[UUID]) -> None:
            async with services.database.tenant(tenant.id) as session:
                first = await repository.take_numbers(session, len(ids))
                rows = await session.scalars(select(ChunkRow).where(ChunkRow.id.in_(ids)))
                for seq, row in enumerate(rows, first):
                    row.tombstone_seq, row.content_id, row.vector = seq, None, b""

        log = SqlChunkLog(services.database, services.contents, tenant.id)
        return WritableLog(log, append, remove)


async def _write(session: TenantSession, services: Services, added: Sequence[Chunk]) -> None:
    """As `append_chunks`, with the ids that the chunks came with."""
    first = await repository.take_numbers(session, len(added))
    rows = []
    for seq, chunk in enumerate(added, first):
        if await session.get(Document, (session.tenant_id, chunk.document_id)) is None:
            document = await make_document(session, services, chunk.document_title)
            document.id = chunk.document_id
            await session.flush()
        words = {"text": chunk.text, "heading_path": chunk.heading_path}
        stored = await services.contents.put(session, orjson.dumps(words))
        rows.append(
            ChunkRow(
                tenant_id=session.tenant_id,
                id=chunk.id,
                collection_id=chunk.collection_id,
                document_id=chunk.document_id,
                content_id=stored.id,
                ordinal=chunk.ordinal,
                start=chunk.span.start,
                end=chunk.span.end,
                page=chunk.page,
                fingerprint="unused",
                vector=chunk.vector,
                seq=seq,
            )
        )
    session.add_all(rows)
    await session.flush()
