"""The whole stack as a customer runs it: PostgreSQL, Valkey, model server, service and worker, on loopback."""

import shutil
import sys
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import httpx
import pytest

from secretariat.platform.demo.api import Api
from secretariat.platform.demo.installation import OWNER_EMAIL, SLUG, with_services
from secretariat.platform.embedded.checks import free_port
from secretariat.platform.identity.administrators import ensure_owner, new_key, new_sign_in_link
from secretariat.platform.services import Services
from secretariat.platform.settings import Settings
from secretariat.platform.supervisor import Stack
from secretariat.platform.tenants.service import create_tenant, find_tenant
from tests.support.weights import CHAT, EMBEDDER, models_dir, weights

T = TypeVar("T")
_SETTINGS = {"SECRETARIAT_LEASE_SECONDS": "3", "SECRETARIAT_SSO_LOOPBACK": "true"}


@dataclass(frozen=True)
class RunningStack:
    stack: Stack
    settings: Settings
    tenant_id: UUID
    key: str

    @property
    def base_url(self) -> str:
        return self.settings.base_url

    def api(self) -> Api:
        return Api(self.base_url, self.key)

    def http(self) -> httpx.Client:
        return httpx.Client(
            base_url=self.base_url, headers={"Authorization": f"Bearer {self.key}"}, timeout=60
        )

    def sign_in_link(self) -> str:
        async def make(services: Services) -> str:
            owner = await ensure_owner(services, self.tenant_id, OWNER_EMAIL, "Owner")
            return await new_sign_in_link(services, owner)

        return _apart(self.settings, make)

    def child_pid(self, name: str) -> int:
        child = next(child for child in self.stack.children if child.name == name)
        assert child.pid is not None
        return child.pid


@pytest.fixture(scope="session")
def running_stack() -> Iterator[RunningStack]:
    """One stack for the session; a watcher revives what tests kill."""
    for name in (CHAT, EMBEDDER):
        weights(name)
    home = Path(tempfile.mkdtemp(prefix="secretariat-e2e-"))
    home.chmod(0o755)
    (home / "models").symlink_to(models_dir())
    settings = Settings(home=home).model_copy(update={"port": free_port()})
    stack = Stack(settings, lambda line: print(line, file=sys.stderr), environment=dict(_SETTINGS))
    ended = threading.Event()
    try:
        stack.start()
        reachable = stack.reachable_settings()
        tenant_id, key = _apart(reachable, _first_tenant)
        watcher = threading.Thread(target=_watch, args=(stack, ended))
        watcher.start()
        yield RunningStack(stack, reachable, tenant_id, key)
        ended.set()
        watcher.join()
    finally:
        ended.set()
        stack.stop()
        shutil.rmtree(home, ignore_errors=True)


def _apart(settings: Settings, work: Callable[[Services], Awaitable[T]]) -> T:
    """In a thread of its own: Playwright keeps an event loop running in the tests' thread."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(with_services, settings, work).result()


def _watch(stack: Stack, ended: threading.Event) -> None:
    while not ended.wait(0.2):
        stack.watch_once()


async def _first_tenant(services: Services) -> tuple[UUID, str]:
    tenant = await find_tenant(services.database, SLUG) or await create_tenant(
        services.database, SLUG, "Main"
    )
    owner = await ensure_owner(services, tenant.id, OWNER_EMAIL, "Owner")
    return tenant.id, await new_key(services, owner, "tests")


def ready(api: Api, document: Mapping[str, Any]) -> dict[str, Any]:
    """An uploaded document, once it was read in."""
    told = api.until(f"/api/v1/documents/{document['id']}", ("ready", "rejected"))
    assert told["status"] == "ready", told["problem"]
    return told
