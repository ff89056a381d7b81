"""The demo's report: one JSON file that says what was planned, done, answered and proved."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from secretariat.platform.demo.proof import Proof
from secretariat.platform.evaluation.judge import Judgement, Score


@dataclass(slots=True)
class TaskTrace:
    """A task as its events told it."""

    task_id: str
    status: str = "running"
    plan: list[dict[str, Any]] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)
    answer: str | None = None
    abstained: bool = False
    citations: list[dict[str, Any]] = field(default_factory=list)

    def take(self, event: dict[str, Any]) -> None:
        kind, payload = event["type"], event["payload"]
        if kind == "plan.proposed":
            self.plan = payload["steps"]
        elif kind in ("step.completed", "step.failed"):
            outcome = kind.removeprefix("step.")
            self.steps.append({"id": payload["step"], "tool": payload["tool"], "status": outcome})
        elif kind == "task.completed":
            self.answer, self.abstained = payload["answer"], payload["abstained"]
            self.citations = payload["citations"]
        if kind in ("task.completed", "task.failed", "task.cancelled"):
            self.status = kind.removeprefix("task.")

    def cited(self, names: dict[str, str]) -> list[str]:
        """Names of the documents behind the verified citations."""
        return [names.get(cite["document_id"], "") for cite in self.citations if cite["verified"]]


def write_report(
    path: Path, trace: TaskTrace, proof: Proof, judgement: Judgement, score: Score | None, seconds: float
) -> None:
    report: dict[str, Any] = {
        "task_id": trace.task_id,
        "status": trace.status,
        "plan": trace.plan,
        "steps": trace.steps,
        "answer": trace.answer,
        "citations": [
            {key: cite[key] for key in ("document", "start", "end", "quote", "verified")}
            for cite in trace.citations
        ],
        "audit": {
            "records": proof.records,
            "head": proof.head,
            "verified": proof.verified,
            "export": str(proof.export),
        },
        "expected_found": judgement.right,
        "seconds": round(seconds, 1),
    }
    if score is not None:
        report["handbook"] = {
            "facts_right": score.facts_right,
            "facts": score.facts,
            "sources_right": score.sources_right,
            "abstained_right": score.abstained_right,
            "unanswerable": score.unanswerable,
        }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
