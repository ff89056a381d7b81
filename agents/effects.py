"""What makes two actions the same action: the key under which the ledger lets an effect happen once."""

import hashlib
from typing import Any

import rfc8785

from secretariat.agents.core import Effect, PlanStep, Task


def canonical_sha256(value: Any) -> str:
    """SHA-256 (hex) of the value's canonical JSON (RFC 8785)."""
    return hashlib.sha256(rfc8785.dumps(value)).hexdigest()


def effect_of(task: Task, step: PlanStep, arguments: dict[str, Any]) -> Effect:
    """`purpose` is the step's id and purpose: two equal steps of one plan are two effects, a retry is one."""
    action = {
        "task": str(task.id),
        "tool": step.tool,
        "arguments": arguments,
        "purpose": f"{step.id}: {step.purpose}",
    }
    return Effect(canonical_sha256(action), step.tool, canonical_sha256(arguments))
