"""What a new installation needs before anyone can use it: a tenant, its owner, and a way in."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from secretariat.platform.composition import close, make_services
from secretariat.platform.services import Services
from secretariat.platform.settings import Settings

T = TypeVar("T")


def with_services(settings: Settings, work: Callable[[Services], Awaitable[T]]) -> T:
    """Run one piece of work against the database of a running stack."""

    async def run() -> T:
        services, _ = make_services(settings)
        try:
            return await work(services)
        finally:
            await close(services)

    return asyncio.run(run())
