"""All tables, apart from the slices that use them. Importing this package fills the metadata."""

from secretariat.platform.tables import (
    access,
    audit,
    contents,
    conversations,
    documents,
    evaluations,
    identity,
    jobs,
    tasks,
    tenants,
    training,
)

__all__ = [
    "access",
    "audit",
    "contents",
    "conversations",
    "documents",
    "evaluations",
    "identity",
    "jobs",
    "tasks",
    "tenants",
    "training",
]
