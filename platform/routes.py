"""Every router of the platform, in one list; a slice that isn't here isn't served."""

from fastapi import APIRouter

from secretariat.platform.assistants import endpoints as assistants
from secretariat.platform.compliance import endpoints as compliance
from secretariat.platform.documents import collection_endpoints as collections
from secretariat.platform.documents import endpoints as documents
from secretariat.platform.gateway import endpoints as gateway
from secretariat.platform.operations import endpoints as operations
from secretariat.platform.tasks import endpoints as tasks

ROUTERS: tuple[APIRouter, ...] = (
    collections.router,
    documents.uploads,
    documents.router,
    documents.searches,
    assistants.router,
    tasks.router,
    gateway.router,
    operations.router,
    compliance.audit_router,
    compliance.exports_router,
)
