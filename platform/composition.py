"""Makes the services that a process hands down, from its settings. Each process does this once."""

from uuid import UUID

from celery import Celery

from secretariat.models.remote import RemoteModels
from secretariat.platform.contents.blobs import BlobStore
from secretariat.platform.contents.keyring import Keyring
from secretariat.platform.contents.store import ContentStore
from secretariat.platform.db.session import Database
from secretariat.platform.indexes.views import IndexViews
from secretariat.platform.jobs.broker import make_celery, wake_after_commit, waker
from secretariat.platform.services import Services, Wake
from secretariat.platform.settings import Settings


class SettingMissingError(Exception):
    """A process was started without something it can't do without."""


def required(value: str | None, name: str) -> str:
    if not value:
        raise SettingMissingError(f"{name} is not set. `secretariat run` sets it; by hand, export it first.")
    return value


async def _leave_to_the_sweep(_tenant_id: UUID, _job_id: UUID) -> None:
    """For processes without a broker: the sweep finds the job within seconds."""


def compose(
    settings: Settings,
    database: Database,
    keyring: Keyring,
    models: RemoteModels,
    wake: Wake = _leave_to_the_sweep,
) -> Services:
    """Services over parts that were made before. Connects to nothing."""
    contents = ContentStore(keyring)
    database.after_commit = wake_after_commit(wake)
    return Services(
        settings=settings,
        database=database,
        contents=contents,
        blobs=BlobStore(keyring),
        indexes=IndexViews(database, contents, settings.indexes_dir),
        models=models,
        wake=wake,
    )


def make_services(settings: Settings) -> tuple[Services, Celery]:
    """Raises SettingMissingError, FileNotFoundError (secrets), ValueError (a malformed master key)."""
    celery = make_celery(required(settings.redis_url, "REDIS_URL"))
    token = settings.model_token_path.read_text(encoding="ascii").strip()
    services = compose(
        settings,
        Database(required(settings.database_url, "DATABASE_URL")),
        Keyring.read(settings.master_key_path),
        RemoteModels(required(settings.model_url, "MODEL_URL"), token),
        waker(celery),
    )
    return services, celery


async def close(services: Services) -> None:
    await services.indexes.settle()
    await services.models.aclose()
    await services.database.close()
