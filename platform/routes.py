"""Every router of the platform, in one list; a slice that isn't here isn't served."""

from fastapi import APIRouter

from secretariat.platform.assistants import endpoints as assistants
from secretariat.platform.compliance import endpoints as compliance
from secretariat.platform.conversations import answer_endpoints as conversation_answers
from secretariat.platform.conversations import endpoints as conversations
from secretariat.platform.documents import access_endpoints as document_access
from secretariat.platform.documents import collection_endpoints as collections
from secretariat.platform.documents import endpoints as documents
from secretariat.platform.documents import index_endpoints as document_index
from secretariat.platform.documents import reading_endpoints as document_reading
from secretariat.platform.documents import search_endpoints as document_search
from secretariat.platform.evaluation import endpoints as evaluations
from secretariat.platform.evaluation import set_endpoints as question_sets
from secretariat.platform.gateway import endpoints as gateway
from secretariat.platform.identity import (
    connection_endpoints,
    directory_endpoints,
    key_endpoints,
    oidc_endpoints,
    people_endpoints,
    role_endpoints,
    session_endpoints,
)
from secretariat.platform.operations import endpoints as operations
from secretariat.platform.tasks import endpoints as tasks
from secretariat.platform.tenants import endpoints as tenants
from secretariat.platform.training import adapter_endpoints as adapters
from secretariat.platform.training import endpoints as training
from secretariat.platform.works import endpoints as works

ROUTERS: tuple[APIRouter, ...] = (
    session_endpoints.router,
    session_endpoints.pages,
    oidc_endpoints.router,
    tenants.router,
    people_endpoints.users,
    people_endpoints.groups,
    directory_endpoints.router,
    role_endpoints.router,
    role_endpoints.permissions,
    key_endpoints.router,
    connection_endpoints.router,
    collections.router,
    documents.uploads,
    documents.router,
    document_reading.router,
    document_access.router,
    document_search.router,
    document_index.router,
    assistants.router,
    tasks.router,
    conversations.router,
    conversation_answers.router,
    works.router,
    question_sets.router,
    evaluations.router,
    training.uploads,
    training.jobs,
    training.erasures,
    adapters.router,
    adapters.blind,
    gateway.router,
    operations.router,
    compliance.audit_router,
    compliance.exports_router,
)
