"""Every router of the platform, in one list; a slice that isn't here isn't served."""

from fastapi import APIRouter

from secretariat.platform.compliance import endpoints as compliance
from secretariat.platform.operations import endpoints as operations

ROUTERS: tuple[APIRouter, ...] = (
    operations.router,
    compliance.audit_router,
    compliance.exports_router,
)
