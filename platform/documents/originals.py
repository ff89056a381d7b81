"""The files themselves, as they were uploaded, laid out of the store for whoever reads them as files.

Such a file has no name: nothing of it is left, however its reader ends. Whether it may be read was asked before.
"""

import asyncio
from tempfile import TemporaryFile
from typing import BinaryIO

from secretariat.platform.contents.store import ContentMissingError
from secretariat.platform.services import Services
from secretariat.platform.tables.documents import Document
from secretariat.platform.web.errors import NotFoundError


async def original(services: Services, document: Document) -> BinaryIO:
    """The whole file, opened. Whoever reads it slowly holds no session.

    Raises NotFoundError when the document got another file, or went, in the meantime.
    """
    target: BinaryIO = await asyncio.to_thread(TemporaryFile)
    try:
        await lay_out(services, document, target)
    except BaseException as error:
        target.close()
        if isinstance(error, ContentMissingError):
            raise NotFoundError("document") from error
        raise
    return target


async def lay_out(services: Services, document: Document, target: BinaryIO) -> None:
    """The document's file, written to `target`, which then stands at its beginning. Raises ContentMissingError."""
    async with services.database.tenant(document.tenant_id) as session:
        async for piece in services.blobs.read(session, document.blob_id):
            await asyncio.to_thread(target.write, piece)
    await asyncio.to_thread(target.seek, 0)
