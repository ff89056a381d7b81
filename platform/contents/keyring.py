"""Data keys of tenants, wrapped by the master key. The master key never leaves this module's memory."""

from pathlib import Path
from uuid import UUID

from sqlalchemy import select

from secretariat.platform.db.session import TenantSession
from secretariat.platform.kit.aead import KEY_BYTES, decrypt, encrypt, new_key
from secretariat.platform.kit.ids import new_id
from secretariat.platform.tables.tenants import DataKey

_CURRENT = "current_key"


class KeyMissingError(Exception):
    """The key that this content is under is destroyed: the content is gone for good."""


class Keyring:
    """Wraps, unwraps and caches data keys (AES-256-GCM; context: tenant and key id)."""

    def __init__(self, master_key: bytes) -> None:
        if len(master_key) != KEY_BYTES:
            raise ValueError(f"the master key must be {KEY_BYTES} bytes, not {len(master_key)}")
        self._master = master_key
        self._unwrapped: dict[tuple[UUID, UUID], bytes] = {}

    @classmethod
    def read(cls, path: Path) -> "Keyring":
        """Raises FileNotFoundError, ValueError: the service must not start without its master key."""
        return cls(bytes.fromhex(path.read_text(encoding="ascii").strip()))

    @property
    def master(self) -> bytes:
        """For HMACs of credentials; never stored, never logged."""
        return self._master

    async def current(self, session: TenantSession) -> tuple[UUID, bytes]:
        """The tenant's newest living key, asked once in a transaction; made on first use."""
        if _CURRENT in session.info:
            return session.info[_CURRENT]  # type: ignore[no-any-return]
        query = select(DataKey).where(DataKey.destroyed_at.is_(None)).order_by(DataKey.id.desc()).limit(1)
        row = await session.scalar(query)
        if row is None:
            row = DataKey(tenant_id=session.tenant_id, id=new_id())
            row.wrapped = encrypt(self._master, new_key(), _context(session.tenant_id, row.id))
            session.add(row)
            await session.flush()
            return row.id, self._unwrap(row)
        found = session.info[_CURRENT] = row.id, self._unwrap(row)
        return found

    async def key(self, session: TenantSession, key_id: UUID) -> bytes:
        """Raises KeyMissingError."""
        cached = self._unwrapped.get((session.tenant_id, key_id))
        if cached is not None:
            return cached
        row = await session.scalar(select(DataKey).where(DataKey.id == key_id))
        if row is None or row.wrapped is None:
            raise KeyMissingError(f"data key {key_id} is destroyed")
        return self._unwrap(row)

    def _unwrap(self, row: DataKey) -> bytes:
        if row.wrapped is None:
            raise KeyMissingError(f"data key {row.id} is destroyed")
        key = decrypt(self._master, row.wrapped, _context(row.tenant_id, row.id))
        self._unwrapped[row.tenant_id, row.id] = key
        return key


def _context(tenant_id: UUID, key_id: UUID) -> bytes:
    return b"data-key:" + tenant_id.bytes + key_id.bytes
