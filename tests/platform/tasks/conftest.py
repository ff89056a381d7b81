"""These tests are about the platform; doubles stand in for the model server and for the agent loop."""

import pytest_asyncio

from secretariat.platform.access.grants import grant
from secretariat.platform.kit.ids import new_id
from secretariat.platform.services import Services
from secretariat.platform.tables.documents import Collection, Document
from tests.platform.tasks.steps import CLAIM
from tests.support.factories import Person
from tests.support.model_server_double import app, double, model_server, services

__all__ = ["app", "cited", "double", "model_server", "services"]


@pytest_asyncio.fixture(loop_scope="session", autouse=True)
async def cited(services: Services, owner: Person) -> str:
    """The document that the double of the loop finds and quotes, open to everyone in the tenant."""

    async def pieces():
        yield b"It says twenty-eight days."

    async with services.database.tenant(owner.tenant.id) as session:
        collection = Collection(tenant_id=owner.tenant.id, id=new_id(), name="Cited", created_by=owner.id)
        session.add(collection)
        await session.flush()
        await grant(session, "collection", collection.id, "everyone", "allow", owner.id)
        blob = await services.blobs.put(session, pieces(), "text/plain")
        document = Document(
            tenant_id=owner.tenant.id,
            id=CLAIM.document_id,
            collection_id=collection.id,
            name="leave.txt",
            media_type="text/plain",
            size=blob.size,
            sha256=blob.sha256,
            blob_id=blob.id,
            status="processing",  # so that no search counts it
        )
        session.add(document)
    return str(CLAIM.document_id)
