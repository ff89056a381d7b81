"""The indexes this process holds in memory: one a tenant, made when first asked for."""

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import event

from secretariat.platform.contents.store import ContentStore
from secretariat.platform.db.session import Database, TenantSession
from secretariat.platform.indexes.chunk_log import SqlChunkLog
from secretariat.platform.kit.aead import KEY_BYTES, decrypt, encrypt
from secretariat.retrieval.index.view import IndexView

TENANTS_IN_MEMORY = 64


class IndexViews:
    """Least recently used tenants leave memory first; their snapshots on disk stay."""

    def __init__(
        self,
        database: Database,
        contents: ContentStore,
        directory: Path | None,
        *,
        tenants_in_memory: int = TENANTS_IN_MEMORY,
    ) -> None:
        self._database = database
        self._contents = contents
        self._directory = directory
        self._limit = tenants_in_memory
        self._views: OrderedDict[UUID, IndexView] = OrderedDict()

    async def view(self, tenant_id: UUID) -> IndexView:
        """The tenant's view, which may be behind the log: a search catches up first."""
        if tenant_id not in self._views:
            made = await self._make(tenant_id)
            self._views.setdefault(tenant_id, made)
        self._views.move_to_end(tenant_id)
        while len(self._views) > self._limit:
            self._views.popitem(last=False)
        return self._views[tenant_id]

    def forget_after_commit(self, session: TenantSession) -> None:
        """Once the session has committed a deletion, let the words go from this process and from the disk.

        Other processes do so when they next catch up with the log.
        """
        tenant_id = session.tenant_id
        event.listen(session.sync_session, "after_commit", lambda _session: self._forget(tenant_id))

    def _forget(self, tenant_id: UUID) -> None:
        self._views.pop(tenant_id, None)
        if self._directory is not None:
            for snapshot in (self._directory / str(tenant_id)).glob("*.index"):
                snapshot.unlink(missing_ok=True)

    async def _make(self, tenant_id: UUID) -> IndexView:
        seal, unseal = await self._cipher(tenant_id)
        return IndexView(
            tenant_id,
            SqlChunkLog(self._database, self._contents, tenant_id),
            self._directory / str(tenant_id) if self._directory else None,
            seal=seal,
            unseal=unseal,
        )

    async def _cipher(self, tenant_id: UUID) -> tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]:
        """Under a key that follows from the tenant's data key: destroying that one ends the snapshots too."""
        async with self._database.tenant(tenant_id) as session:
            _, data_key = await self._contents.keyring.current(session)
        context = b"index-snapshot:" + tenant_id.bytes
        key = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=context).derive(data_key)
        return (lambda plain: encrypt(key, plain, context)), (lambda sealed: decrypt(key, sealed, context))
