"""Makes the services that a process hands down, from its settings. Each process does this once."""

from celery import Celery

from secretariat.models.remote import RemoteModels
from secretariat.platform.contents.blobs import BlobStore
from secretariat.platform.contents.keyring import Keyring
from secretariat.platform.contents.store import ContentStore
from secretariat.platform.db.session import Database
from secretariat.platform.indexes.views import IndexViews
from secretariat.platform.jobs.broker import make_celery, wake_after_commit, waker
from secretariat.platform.services import Services
from secretariat.platform.settings import Settings


class SettingMissingError(Exception):
    """A process was started without something it can't do without."""


def required(value: str | None, name: str) -> str:
    if not value:
        raise SettingMissingError(f"{name} is not set. `secretariat run` sets it; by hand, export it first.")
    return value


def make_services(settings: Settings) -> tuple[Services, Celery]:
    """Raises SettingMissingError, FileNotFoundError (secrets), ValueError (a malformed master key)."""
    celery = make_celery(required(settings.redis_url, "REDIS_URL"))
    database = Database(required(settings.database_url, "DATABASE_URL"))
    keyring = Keyring.read(settings.master_key_path)
    token = settings.model_token_path.read_text(encoding="ascii").strip()
    contents = ContentStore(keyring)
    services = Services(
        settings=settings,
        database=database,
        contents=contents,
        blobs=BlobStore(keyring),
        indexes=IndexViews(database, contents, settings.indexes_dir),
        models=RemoteModels(required(settings.model_url, "MODEL_URL"), token),
        wake=waker(celery),
    )
    database.after_commit = wake_after_commit(services.wake)
    return services, celery


async def close(services: Services) -> None:
    await services.models.aclose()
    await services.database.close()
