"""Fixtures; each is made in the support module that it is imported from."""

from tests.support.app import app, services
from tests.support.factories import anonymous, other_owner, other_tenant, owner, tenant
from tests.support.postgres import database, postgres

__all__ = [
    "anonymous",
    "app",
    "database",
    "other_owner",
    "other_tenant",
    "owner",
    "postgres",
    "services",
    "tenant",
]
