"""What every slice may use, made once in a composition root (app, worker, cli) and handed down."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID

from secretariat.models.remote import RemoteModels
from secretariat.platform.contents.blobs import BlobStore
from secretariat.platform.contents.store import ContentStore
from secretariat.platform.db.session import Database
from secretariat.platform.indexes.permits import KnownPermits
from secretariat.platform.indexes.views import IndexViews
from secretariat.platform.settings import Settings

Wake = Callable[[UUID, UUID], Awaitable[None]]
"""(tenant, job): tell the workers, if they can be reached; losing the message costs a second, not the job."""


@dataclass(frozen=True, slots=True)
class Services:
    settings: Settings
    database: Database
    contents: ContentStore
    blobs: BlobStore
    indexes: IndexViews
    models: RemoteModels
    wake: Wake
    permits: KnownPermits = field(default_factory=KnownPermits)
