"""Words in, words out. What leaves is an id and a salted commitment; the words stay encrypted.

The commitment is SHA-256(salt || payload). The salt is encrypted with the payload, so a commitment tells
nothing about a guessable text, and once the key is destroyed it can never be matched again.
"""

import hashlib
import hmac
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import ARRAY, Uuid, func, insert, literal, select

from secretariat.platform.contents.keyring import Keyring
from secretariat.platform.db.session import TenantSession
from secretariat.platform.kit.aead import KEY_BYTES, decrypt, encrypt
from secretariat.platform.kit.ids import new_id
from secretariat.platform.tables.contents import Content

SALT_BYTES = 16
TEXT = "text/plain; charset=utf-8"
JSON = "application/json"
_CONTENTS = Content.metadata.tables[Content.__tablename__]  # without mapped objects, which take as long again


class ContentMissingError(Exception):
    """No such content in this tenant."""


@dataclass(frozen=True, slots=True)
class StoredContent:
    """A reference that may stand in records, journals and logs."""

    id: UUID
    commitment: str
    media_type: str
    size: int


class ContentStore:
    """Writes in the caller's transaction; reads under the caller's tenant."""

    def __init__(self, keyring: Keyring) -> None:
        self.keyring = keyring

    async def put(
        self, session: TenantSession, payload: str | bytes, media_type: str = TEXT
    ) -> StoredContent:
        return (await self.put_many(session, [payload], media_type))[0]

    async def put_json(
        self, session: TenantSession, value: Mapping[str, Any] | Sequence[Any]
    ) -> StoredContent:
        return await self.put(session, orjson.dumps(value), JSON)

    async def put_many(
        self, session: TenantSession, payloads: Sequence[str | bytes], media_type: str = TEXT
    ) -> list[StoredContent]:
        if not payloads:
            return []
        key_id, key = await self.keyring.current(session)
        stored, rows = [], []
        for payload in payloads:
            data = payload.encode() if isinstance(payload, str) else payload
            salted = os.urandom(SALT_BYTES) + data
            one = StoredContent(new_id(), hashlib.sha256(salted).hexdigest(), media_type, len(data))
            stored.append(one)
            rows.append(
                {
                    "tenant_id": session.tenant_id,
                    "id": one.id,
                    "key_id": key_id,
                    "media_type": media_type,
                    "size": one.size,
                    "commitment": one.commitment,
                    "sealed": encrypt(key, salted, _context(session.tenant_id, one.id)),
                }
            )
        await session.execute(insert(_CONTENTS), rows)
        return stored

    async def fingerprint(self, session: TenantSession) -> Callable[[str], str]:
        """Names texts without telling them: HMAC-SHA-256, hex, under a key that follows from the tenant's
        data key. Equal texts get equal names; nobody without the key can try out what a text was."""
        _, data_key = await self.keyring.current(session)
        context = b"fingerprint:" + session.tenant_id.bytes
        key = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=context).derive(data_key)
        return lambda text: hmac.new(key, text.encode(), hashlib.sha256).hexdigest()

    async def get(self, session: TenantSession, content_id: UUID) -> bytes:
        """Raises ContentMissingError, KeyMissingError, UndecipherableError."""
        found = await self.get_many(session, [content_id])
        if content_id not in found:
            raise ContentMissingError(f"content {content_id} does not exist")
        return found[content_id]

    async def text(self, session: TenantSession, content_id: UUID) -> str:
        return (await self.get(session, content_id)).decode()

    async def json(self, session: TenantSession, content_id: UUID) -> Any:
        return orjson.loads(await self.get(session, content_id))

    async def get_many(self, session: TenantSession, content_ids: Sequence[UUID]) -> dict[UUID, bytes]:
        """Those that exist; raises KeyMissingError, UndecipherableError."""
        query = select(Content.id, Content.key_id, Content.sealed)
        wanted = Content.id == func.any(literal(list(content_ids), ARRAY(Uuid)))
        found = {}
        for content_id, key_id, sealed in (await session.execute(query.where(wanted))).all():
            key = await self.keyring.key(session, key_id)
            found[content_id] = decrypt(key, sealed, _context(session.tenant_id, content_id))[SALT_BYTES:]
        return found


def _context(tenant_id: UUID, content_id: UUID) -> bytes:
    return b"content:" + tenant_id.bytes + content_id.bytes
