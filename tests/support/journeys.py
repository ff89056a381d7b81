"""A browser's way through an identity provider, step by step."""

from dataclasses import dataclass
from uuid import UUID

import httpx
from fastapi import FastAPI
from sqlalchemy import func, select

from secretariat.platform.db.session import Database
from secretariat.platform.tables.audit import AuditRecord
from secretariat.platform.tables.identity import SignInSession
from secretariat.platform.tables.tenants import Tenant
from tests.support.providers import LoopbackProvider

CALLBACK = "/auth/oidc/callback"


@dataclass
class Journey:
    """One tenant's connection to the provider, and the steps of a browser through it."""

    app: FastAPI
    database: Database
    tenant: Tenant
    connection_id: UUID
    provider: LoopbackProvider

    @property
    def start(self) -> str:
        return f"/auth/oidc/{self.tenant.id}/{self.connection_id}/start"

    async def begin(self, client: httpx.AsyncClient, next_path: str = "/") -> dict[str, str]:
        departure = await client.get(self.start, params={"next": next_path})
        assert departure.status_code == 303, departure.text
        return self.provider.authorize(departure.headers["location"])

    async def complete(self, client: httpx.AsyncClient, next_path: str = "/") -> httpx.Response:
        return await client.get(CALLBACK, params=await self.begin(client, next_path))

    async def sessions(self) -> int:
        """Of everyone but the owner who set the connection up."""
        async with self.database.tenant(self.tenant.id) as session:
            query = select(func.count()).where(SignInSession.auth_method == "oidc")
            return await session.scalar(query) or 0

    async def last_reason(self) -> str | None:
        async with self.database.tenant(self.tenant.id) as session:
            query = (
                select(AuditRecord)
                .where(AuditRecord.action == "session.create", AuditRecord.outcome == "denied")
                .order_by(AuditRecord.id.desc())
                .limit(1)
            )
            row = await session.scalar(query)
            return row.details["reason"] if row else None
