"""The catalogue of permissions and the roles that come with every tenant."""

from collections.abc import Mapping
from typing import Literal, get_args

Permission = Literal[
    "tasks.read",
    "tasks.write",
    "conversations.read",
    "conversations.write",
    "documents.read",
    "documents.write",
    "collections.manage",
    "assistants.read",
    "assistants.manage",
    "users.manage",
    "roles.manage",
    "keys.manage",
    "connections.manage",
    "audit.read",
    "audit.content.read",
    "compliance.export",
    "directory.read",
    "evaluations.manage",
    "jobs.read",
    "jobs.manage",
    "models.use",
    "training.manage",
    "tenant.manage",
]

PERMISSIONS: frozenset[str] = frozenset(get_args(Permission))

_MEMBER = frozenset(
    {
        "tasks.read",
        "tasks.write",
        "conversations.read",
        "conversations.write",
        "documents.read",
        "documents.write",
        "assistants.read",
        "directory.read",
        "models.use",
        "jobs.read",
    }
)

BUILTIN_ROLES: Mapping[str, frozenset[str]] = {
    "owner": PERMISSIONS,
    "admin": PERMISSIONS - {"tenant.manage", "audit.content.read"},
    "builder": _MEMBER | {"collections.manage", "assistants.manage", "keys.manage", "evaluations.manage"},
    "member": _MEMBER,
    "auditor": frozenset(
        {"audit.read", "audit.content.read", "compliance.export", "tasks.read", "jobs.read"}
    ),
}

DESCRIPTIONS: Mapping[str, str] = {
    "tasks.read": "See tasks, their plans, steps and answers.",
    "tasks.write": "Give tasks and cancel one's own.",
    "conversations.read": "See one's own conversations and those that others share.",
    "conversations.write": "Hold conversations, share, export and delete one's own.",
    "documents.read": "Read and search the documents that grants open.",
    "documents.write": "Upload and delete documents in readable collections.",
    "collections.manage": "Create and delete collections and set their grants.",
    "assistants.read": "See assistants.",
    "assistants.manage": "Create, change and delete assistants.",
    "users.manage": "Add, change and disable people and groups.",
    "roles.manage": "Create, change and assign roles.",
    "keys.manage": "Create and revoke API keys.",
    "connections.manage": "Connect identity providers.",
    "audit.read": "Read and verify the audit log.",
    "audit.content.read": "Reveal the prompts and outputs that records refer to; every look is itself recorded.",
    "compliance.export": "Export the audit log.",
    "directory.read": "Find people and groups by name, to share with them; every look is recorded.",
    "evaluations.manage": "Keep sets of questions and measure search with them.",
    "jobs.read": "See background jobs.",
    "jobs.manage": "Cancel and retry background jobs.",
    "models.use": "Call the models directly.",
    "training.manage": "Train models on the tenant's own examples, and publish what passes its evaluation.",
    "tenant.manage": "Change the tenant itself.",
}
