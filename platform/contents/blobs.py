"""Original files, encrypted in pieces of 1 MB, so that no process holds a whole file for another's sake."""

import hashlib
from collections.abc import AsyncIterator
from uuid import UUID

from sqlalchemy import func, select

from secretariat.platform.contents.keyring import Keyring
from secretariat.platform.contents.store import ContentMissingError
from secretariat.platform.db.session import TenantSession
from secretariat.platform.kit.aead import decrypt, encrypt
from secretariat.platform.kit.ids import new_id
from secretariat.platform.tables.contents import Blob, BlobPiece

PIECE_BYTES = 1_000_000


class BlobStore:
    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    async def put(self, session: TenantSession, pieces: AsyncIterator[bytes], media_type: str) -> Blob:
        """Stores in the caller's transaction. `pieces` may be of any size; they are cut to 1 MB."""
        key_id, key = await self._keyring.current(session)
        blob = Blob(
            tenant_id=session.tenant_id, id=new_id(), key_id=key_id, media_type=media_type, size=0, sha256=""
        )
        session.add(blob)
        await session.flush()
        digest, size, ordinal = hashlib.sha256(), 0, 0
        async for piece in _resized(pieces):
            digest.update(piece)
            size += len(piece)
            sealed = encrypt(key, piece, _context(session.tenant_id, blob.id, ordinal))
            session.add(
                BlobPiece(tenant_id=session.tenant_id, blob_id=blob.id, ordinal=ordinal, sealed=sealed)
            )
            await session.flush()
            ordinal += 1
        blob.size, blob.sha256 = size, digest.hexdigest()
        await session.flush()
        return blob

    async def read(self, session: TenantSession, blob_id: UUID) -> AsyncIterator[bytes]:
        """Pieces in order. Raises KeyMissingError, UndecipherableError and ContentMissingError, that one also at
        the end, where the last pieces are missing."""
        blob = await session.scalar(select(Blob).where(Blob.id == blob_id))
        if blob is None:
            raise ContentMissingError(f"blob {blob_id} does not exist")
        key = await self._keyring.key(session, blob.key_id)
        count = await session.scalar(select(func.count()).where(BlobPiece.blob_id == blob_id)) or 0
        size = 0
        for ordinal in range(count):
            query = select(BlobPiece.sealed).where(BlobPiece.blob_id == blob_id, BlobPiece.ordinal == ordinal)
            sealed = await session.scalar(query)
            if sealed is None:
                raise ContentMissingError(f"piece {ordinal} of blob {blob_id} is missing")
            piece = decrypt(key, sealed, _context(session.tenant_id, blob_id, ordinal))
            size += len(piece)
            yield piece
        if size != blob.size:
            raise ContentMissingError(f"blob {blob_id} has {size} bytes left of {blob.size}")


async def _resized(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    buffer = bytearray()
    async for piece in pieces:
        buffer += piece
        while len(buffer) >= PIECE_BYTES:
            yield bytes(buffer[:PIECE_BYTES])
            del buffer[:PIECE_BYTES]
    if buffer:
        yield bytes(buffer)


def _context(tenant_id: UUID, blob_id: UUID, ordinal: int) -> bytes:
    return b"blob:" + tenant_id.bytes + blob_id.bytes + ordinal.to_bytes(4, "big")
