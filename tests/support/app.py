"""The real application over the test database, called in process."""

import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
import pytest_asyncio
from fastapi import FastAPI

from secretariat.models.remote import RemoteModels
from secretariat.platform.app import create_app
from secretariat.platform.contents.blobs import BlobStore
from secretariat.platform.contents.keyring import Keyring
from secretariat.platform.contents.store import ContentStore
from secretariat.platform.db.session import Database
from secretariat.platform.indexes.views import IndexViews
from secretariat.platform.jobs.broker import wake_after_commit
from secretariat.platform.services import Services
from secretariat.platform.settings import Settings
from secretariat.platform.telemetry.logs import configure_logs

BASE_URL = "http://secretariat.test"
NO_MODELS = "http://127.0.0.1:9"  # the discard port: nothing answers


async def nobody_wakes(_tenant_id: UUID, _job_id: UUID) -> None:
    """No workers run in these tests; what is due stays in the outbox."""


def make_services(database: Database, *, model_url: str = NO_MODELS, **settings: object) -> Services:
    """Services as the composition root makes them; the key is new, the directories are temporary."""
    values = {
        "home": Path(tempfile.mkdtemp(prefix="secretariat-test-")),
        "public_url": BASE_URL,
        "sso_loopback": True,
    }
    made = Settings.model_validate({**values, **settings})
    keyring = Keyring(os.urandom(32))
    contents = ContentStore(keyring)
    services = Services(
        settings=made,
        database=database,
        contents=contents,
        blobs=BlobStore(keyring),
        indexes=IndexViews(database, contents, None),
        models=RemoteModels(model_url, "test-service-token"),
        wake=nobody_wakes,
    )
    database.after_commit = wake_after_commit(services.wake)
    return services


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def services(database: Database) -> AsyncIterator[Services]:
    configure_logs()
    made = make_services(database)
    yield made
    await made.models.aclose()


@pytest.fixture(scope="session")
def app(services: Services) -> FastAPI:
    return create_app(services)
