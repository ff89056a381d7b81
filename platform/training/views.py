"""Training jobs, adapters and comparisons as they are shown: numbers and lineage; words of comparisons alone."""

from collections.abc import Sequence
from typing import Any

from secretariat.platform.contents.store import ContentStore
from secretariat.platform.db.session import TenantSession
from secretariat.platform.tables.tasks import Assistant
from secretariat.platform.tables.training import (
    AdapterEvaluationRow,
    AdapterRow,
    ComparisonRow,
    TrainingExampleRow,
    TrainingMetricRow,
    TrainingUploadRow,
)
from secretariat.platform.training import adapter_schemas, repository, schemas
from secretariat.platform.training.repository import StoredJob


def upload(row: TrainingUploadRow) -> schemas.TrainingUpload:
    return schemas.TrainingUpload.model_validate(
        {
            "id": row.id,
            "name": row.name,
            "kind": row.kind,
            "examples": row.examples,
            "deleted": row.content_id is None,
            "created_by": row.created_by,
            "created_at": row.created_at,
        }
    )


def training_job(found: StoredJob) -> schemas.TrainingJob:
    row, job = found.row, found.job
    return schemas.TrainingJob.model_validate(
        {
            **row.sources,
            **row.settings,
            "id": row.id,
            "name": row.name,
            "recipe": row.recipe,
            "model": row.model,
            "status": row.status,
            "examples": row.examples,
            "held_out": row.held_out,
            "left_out": row.left_out,
            "progress": _progress(row.progress),
            "result": row.result,
            "seconds_used": row.seconds,
            "cancel_requested": job is not None and job.cancel_requested_at is not None,
            "adapter_id": found.adapter_id,
            "error": row.error,
            "created_by": row.created_by,
            "created_at": row.created_at,
            "started_at": row.started_at,
            "finished_at": row.finished_at,
        }
    )


def _told(line: dict[str, Any]) -> dict[str, Any]:
    """A line of the training process in our names."""
    return {
        "step": line["step"],
        "of": line.get("of") or line["step"],
        "loss": line.get("loss"),
        "held_out_loss": line.get("held_out"),
        "learning_rate": line.get("learning_rate"),
        "tokens": line.get("tokens") or 0,
        "tokens_per_second": line.get("tokens_per_second"),
        "seconds_left": line.get("seconds_left"),
    }


def _progress(line: dict[str, Any] | None) -> dict[str, Any] | None:
    if line is None:
        return None
    return {**_told(line), "gap": line.get("gap")}


def metric(row: TrainingMetricRow) -> schemas.TrainingMetric:
    return schemas.TrainingMetric.model_validate({"seq": row.seq, "at": row.at, **_told(row.line)})


def example(row: TrainingExampleRow) -> schemas.TrainingExample:
    return schemas.TrainingExample.model_validate(row, from_attributes=True)


async def adapters(session: TenantSession, rows: Sequence[AdapterRow]) -> list[adapter_schemas.Adapter]:
    ids = [row.id for row in rows]
    published = await repository.publications(session, ids)
    evaluated = await repository.latest_evaluations(session, ids)
    return [_adapter(row, published.get(row.id, []), evaluated.get(row.id)) for row in rows]


def _adapter(
    row: AdapterRow, published: Sequence[Assistant], evaluated: AdapterEvaluationRow | None
) -> adapter_schemas.Adapter:
    return adapter_schemas.Adapter.model_validate(
        {
            "id": row.id,
            "name": row.name,
            "training_job_id": row.training_job_id,
            "recipe": row.recipe,
            "model": row.model,
            "kind": row.kind,
            "digest": row.digest,
            "bytes": row.size,
            "status": row.status,
            "gap": row.gap,
            "published_for": [{"assistant_id": one.id, "name": one.name} for one in published],
            "retraining": row.retraining,
            "after_erasure": row.after_erasure,
            "evaluation": evaluation(evaluated) if evaluated else None,
            "created_by": row.created_by,
            "created_at": row.created_at,
        }
    )


def evaluation(row: AdapterEvaluationRow) -> adapter_schemas.AdapterEvaluation:
    return adapter_schemas.AdapterEvaluation.model_validate(
        {
            "id": row.id,
            "adapter_id": row.adapter_id,
            "status": row.status,
            "questions": row.questions,
            "result": row.result,
            "passed": row.passed,
            "error": row.error,
            "created_by": row.created_by,
            "created_at": row.created_at,
            "finished_at": row.finished_at,
        }
    )


async def comparisons(
    session: TenantSession, contents: ContentStore, rows: Sequence[ComparisonRow]
) -> list[adapter_schemas.BlindComparison]:
    ids = [one for row in rows for one in (row.prompt_id, row.a_id, row.b_id) if one]
    words = {key: data.decode() for key, data in (await contents.get_many(session, ids)).items()}
    return [
        adapter_schemas.BlindComparison.model_validate(
            {
                "id": row.id,
                "status": row.status,
                "prompt": words.get(row.prompt_id) if row.prompt_id else None,
                "a": words.get(row.a_id) if row.a_id else None,
                "b": words.get(row.b_id) if row.b_id else None,
                "choice": row.choice,
                "sides": row.sides if row.status == "chosen" else None,
                "error": row.error,
                "created_at": row.created_at,
                "chosen_at": row.chosen_at,
            }
        )
        for row in rows
    ]
