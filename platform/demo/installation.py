"""A running stack with a tenant, its owner and a way in: what a newcomer finds after one command."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console

from secretariat.platform.composition import close, make_services
from secretariat.platform.demo.api import Api
from secretariat.platform.embedded.checks import free_port
from secretariat.platform.identity.administrators import ensure_owner, new_key, new_sign_in_link
from secretariat.platform.services import Services
from secretariat.platform.settings import Settings
from secretariat.platform.supervisor import Stack
from secretariat.platform.tables.identity import User
from secretariat.platform.tenants.service import create_tenant, find_tenant

SLUG, NAME = "main", "Main"
OWNER_EMAIL = "owner@localhost"

T = TypeVar("T")


@contextmanager
def running_stack(out: Console) -> Iterator[Api]:
    """Everything up on a free port, and the API as the owner; everything is stopped at the end.

    Raises StackError.
    """
    settings = Settings().model_copy(update={"port": free_port()})
    stack = Stack(settings, out.print)
    try:
        stack.start()
        api = Api(settings.base_url, with_services(stack.reachable_settings(), _key))
        try:
            yield api
        finally:
            api.close()
    finally:
        stack.stop()


def sign_in_link(settings: Settings) -> str:
    """A link that signs the first administrator in once."""

    async def make(services: Services) -> str:
        owner = await _owner(services)
        return await new_sign_in_link(services, owner)

    return with_services(settings, make)


async def _key(services: Services) -> str:
    return await new_key(services, await _owner(services), "demo")


async def _owner(services: Services) -> User:
    tenant = await find_tenant(services.database, SLUG) or await create_tenant(services.database, SLUG, NAME)
    return await ensure_owner(services, tenant.id, OWNER_EMAIL, "Owner")


def with_services(settings: Settings, work: Callable[[Services], Awaitable[T]]) -> T:
    """Run one piece of work against the database of a running stack."""

    async def run() -> T:
        services, _celery = make_services(settings)
        try:
            return await work(services)
        finally:
            await close(services)

    return asyncio.run(run())
