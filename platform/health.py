"""Whether the process lives, and whether it can do its work. Open to all, and says nothing else."""

import asyncio
from typing import Literal

import structlog
from fastapi import APIRouter, Response
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from secretariat.platform.services import Services
from secretariat.platform.web.dependencies import ServicesDep

log = structlog.get_logger(__name__)

_PATIENCE_SECONDS = 2.0

router = APIRouter(tags=["health"])


class Alive(BaseModel):
    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """`database` decides; the model server may load while people already read and administrate."""

    status: Literal["ready", "not ready"]
    database: bool


@router.get("/healthz", operation_id="health")
@router.get("/livez", operation_id="liveness")
async def alive() -> Alive:
    return Alive()


@router.get("/readyz", operation_id="readiness", responses={503: {"model": Readiness}})
async def ready(services: ServicesDep, response: Response) -> Readiness:
    database = await _database_answers(services)
    if not database:
        response.status_code = 503
    return Readiness(status="ready" if database else "not ready", database=database)


async def _database_answers(services: Services) -> bool:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS), services.database.unbound() as session:
            await session.execute(text("SELECT 1"))
    except (SQLAlchemyError, TimeoutError, OSError):
        log.warning("readiness: the database does not answer")
        return False
    return True
