"""The indexes this process holds in memory: one a tenant, made when first asked for."""

import asyncio
import mmap
import os
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import structlog
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import event

from secretariat.platform.contents.store import ContentStore
from secretariat.platform.db.session import Database, TenantSession
from secretariat.platform.indexes.chunk_log import SqlChunkLog
from secretariat.platform.indexes.snapshots.register import SqlSnapshotRegister, volume_of
from secretariat.platform.kit.aead import KEY_BYTES, decrypt, encrypt
from secretariat.retrieval.index.snapshot import Seal, SnapshotRecord, Unseal
from secretariat.retrieval.index.view import IndexView

TENANTS_IN_MEMORY = 64
_log = structlog.get_logger(__name__)


class IndexViews:
    """Least recently used tenants leave memory first; their snapshots on disk stay."""

    def __init__(
        self,
        database: Database,
        contents: ContentStore,
        directory: Path | None,
        *,
        tenants_in_memory: int = TENANTS_IN_MEMORY,
        **thresholds: int,
    ) -> None:
        """`thresholds` are IndexView's, for trials with few chunks."""
        self._database = database
        self._contents = contents
        self._directory = directory
        self._limit = tenants_in_memory
        self._thresholds = thresholds
        self._volume: UUID | None = None
        self._executor = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="index")
        self._following: set[asyncio.Task[None]] = set()
        self._views: OrderedDict[UUID, IndexView] = OrderedDict()

    async def view(self, tenant_id: UUID) -> IndexView:
        """The tenant's view, which may be behind the log: a search catches up first."""
        if tenant_id not in self._views:
            made = await self._make(tenant_id)
            self._views.setdefault(tenant_id, made)
        return self._kept(tenant_id)

    def forget_after_commit(self, session: TenantSession) -> None:
        """Once the session has committed a deletion, let the words go from this process and from the disk.

        Other processes do so when they next catch up with the log.
        """
        tenant_id = session.tenant_id
        event.listen(session.sync_session, "after_commit", lambda _session: self._follow(tenant_id))

    async def snapshots(self, tenant_id: UUID) -> list[SnapshotRecord]:
        """Those on this process's disk, the newest first."""
        register = self._register(tenant_id)
        return await register.known() if register else []

    async def rebuild(self, tenant_id: UUID) -> IndexView:
        """A view made from the log alone, and saved. Searches go on with the one before it until then."""
        view = await self._make(tenant_id)
        await view.start_over()
        await view.catch_up()
        await view.save()
        self._views[tenant_id] = view
        return self._kept(tenant_id)

    async def settle(self) -> None:
        """Waits for what goes on after commits."""
        await asyncio.gather(*self._following, return_exceptions=True)

    def _kept(self, tenant_id: UUID) -> IndexView:
        self._views.move_to_end(tenant_id)
        while len(self._views) > self._limit:
            self._views.popitem(last=False)
        return self._views[tenant_id]

    def _follow(self, tenant_id: UUID) -> None:
        """Replay the log now rather than at the next search. What fails is left to that search."""
        if self._directory is None and tenant_id not in self._views:
            return
        following = asyncio.get_running_loop().create_task(self._catch_up(tenant_id))
        self._following.add(following)
        following.add_done_callback(self._following.discard)

    async def _catch_up(self, tenant_id: UUID) -> None:
        try:
            await (await self.view(tenant_id)).catch_up()
        except Exception as error:  # noqa: BLE001 - the next search catches up, and says what is wrong
            _log.warning("index is left behind until the next search", error=type(error).__name__)

    async def _make(self, tenant_id: UUID) -> IndexView:
        seal, unseal = await self._cipher(tenant_id)
        return IndexView(
            tenant_id,
            SqlChunkLog(self._database, self._contents, tenant_id),
            self._directory / str(tenant_id) if self._directory else None,
            register=self._register(tenant_id),
            seal=seal,
            unseal=unseal,
            executor=self._executor,
            **self._thresholds,
        )

    def _register(self, tenant_id: UUID) -> SqlSnapshotRegister | None:
        if self._directory is None:
            return None
        if self._volume is None:
            self._volume = volume_of(self._directory)
        return SqlSnapshotRegister(self._database, tenant_id, self._volume)

    async def _cipher(self, tenant_id: UUID) -> tuple[Seal, Unseal]:
        """Under a key that follows from the tenant's data key: destroying that one ends the snapshots too."""
        async with self._database.tenant(tenant_id) as session:
            _, data_key = await self._contents.keyring.current(session)
        info = b"index-snapshot:" + tenant_id.bytes
        key = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(data_key)

        def unseal(sealed: bytes | mmap.mmap, context: bytes) -> bytes:
            with memoryview(sealed) as mapped:
                return decrypt(key, mapped, info + context)

        return (lambda plain, context: encrypt(key, plain, info + context)), unseal
