"""Which audit record an event of the journal calls for. Knows no SQL: the words stand in the journal's
content, and the record refers to that same content, so nothing is stored twice.

Every model call, tool call, search and turn of a task's life gets one record. Steps, citations and output
deltas get none: they say again what those records say.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from secretariat.agents.core import (
    ModelAnswered,
    ModelPrompted,
    PlanProposed,
    RetrievalCompleted,
    TaskCancelled,
    TaskCompleted,
    TaskEvent,
    TaskFailed,
    TaskStarted,
    ToolCompleted,
    ToolFailed,
    ToolRequested,
)
from secretariat.platform.audit.event import Actor, AuditEvent, ContentRef, EventType, Outcome, Resource
from secretariat.platform.contents.store import StoredContent

_Facts = tuple[EventType, str, Outcome, dict[str, Any]]


def evidence(
    event: TaskEvent,
    seq: int,
    task_id: UUID,
    actor: Actor,
    stored: StoredContent,
    fingerprint: Callable[[str], str],
) -> AuditEvent | None:
    """The record for event number `seq`, whose JSON is `stored`; None for events that need none.

    Passages stand in it by `fingerprint`, the name that their chunks have.
    """
    facts = _of_life(event) or _of_model(event) or _of_tool(event, fingerprint)
    if facts is None:
        return None
    event_type, role, outcome, details = facts
    return AuditEvent(
        event_type=event_type,
        action=event.type,
        actor=actor,
        outcome=outcome,
        resource=Resource("task", str(task_id)),
        task_id=task_id,
        details={"event_seq": seq, **details},
        content=(ContentRef(role, stored),),
    )


def _of_life(event: TaskEvent) -> _Facts | None:
    match event:
        case TaskStarted():
            return "TASK", "request", "success", {}
        case PlanProposed(steps=steps, plan_sha256=digest):
            return "TASK", "plan", "success", {"plan_sha256": digest, "steps": len(steps)}
        case TaskCompleted(citations=citations, abstained=abstained):
            verified = sum(citation.verified for citation in citations)
            details = {"abstained": abstained, "citations": len(citations), "verified": verified}
            return "TASK", "answer", "success", details
        case TaskFailed(code=code):
            return "TASK", "event", "failure", {"code": code}
        case TaskCancelled():
            return "TASK", "event", "success", {}
        case _:
            return None


def _of_model(event: TaskEvent) -> _Facts | None:
    match event:
        case ModelPrompted(messages=messages, constraint=constraint):
            details = _call(event) | {
                "messages": len(messages),
                "constraint": constraint.get("type") if constraint else None,
            }
            return "PROMPT", "prompt", "success", details
        case ModelAnswered(model=model):
            details = _call(event) | {
                "model": model.model_dump(),
                "finish_reason": event.finish_reason,
                "mean_logprob": event.mean_logprob,
                "seconds": event.seconds,
            }
            return "OUTPUT", "output", "success", details
        case _:
            return None


def _call(event: ModelPrompted | ModelAnswered) -> dict[str, Any]:
    return {"call": event.call, "step": event.step, "purpose": event.purpose}


def _of_tool(event: TaskEvent, fingerprint: Callable[[str], str]) -> _Facts | None:
    match event:
        case ToolRequested(step=step, tool=tool, effect_key=key):
            return "TOOL_CALL", "arguments", "success", {"step": step, "tool": tool, "effect_key": key}
        case ToolCompleted(step=step, tool=tool, seconds=seconds):
            return "TOOL_CALL", "result", "success", {"step": step, "tool": tool, "seconds": seconds}
        case ToolFailed(step=step, tool=tool, code=code):
            return "TOOL_CALL", "event", "failure", {"step": step, "tool": tool, "code": code}
        case RetrievalCompleted():
            return "DATA_ACCESS", "passages", "success", _retrieval(event, fingerprint)
        case _:
            return None


def _retrieval(event: RetrievalCompleted, fingerprint: Callable[[str], str]) -> dict[str, Any]:
    return {
        "step": event.step,
        "allowed": event.allowed_count,
        "denied": event.denied_count,
        "index_seq": event.index_seq,
        "returned": [
            {
                "chunk_id": str(passage.chunk_id),
                "document_id": str(passage.document_id),
                "start": passage.start,
                "end": passage.end,
                "fingerprint": fingerprint(passage.text),
                "rule": str(passage.rule) if passage.rule else None,
            }
            for passage in event.passages
        ],
    }
