"""`secretariat eval rho-bank`: how many of the documents that a bank's customer task needs are found."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from secretariat.models.core import CallContext
from secretariat.models.remote import RemoteModels
from secretariat.platform.cli.served import served_models
from secretariat.platform.embedded.errors import StackError
from secretariat.platform.evaluation.circumstances import circumstances
from secretariat.retrieval.evaluate import EvaluationReport, EvaluationSet, evaluate_collection, read_rho_bank


def measure(directory: Path, *, output: Path | None, as_json: bool) -> None:
    """Exit code 2 when the data or the model server isn't there."""
    out = Console(highlight=False, stderr=as_json)
    try:
        collection = read_rho_bank(directory)
        report = _measure(collection, out)
    except (OSError, KeyError, ValueError, StackError) as error:
        out.print(f"[red]{escape(str(directory))} could not be measured:[/red] {escape(str(error))}")
        raise typer.Exit(2) from error
    result = {**asdict(report), "documents_per_s": report.documents_per_s, **circumstances()}
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(result))
    else:
        _tell(out, report)


def _measure(collection: EvaluationSet, out: Console) -> EvaluationReport:
    with served_models(out.print) as client:
        return asyncio.run(_run(collection, client(), out))


async def _run(collection: EvaluationSet, models: RemoteModels, out: Console) -> EvaluationReport:
    call = CallContext(tenant="evaluation", request_id="rho-bank")
    with Progress(console=out, disable=not out.is_terminal) as progress:
        bars = {stage: progress.add_task(stage, total=None) for stage in ("documents", "queries")}
        try:
            (report,) = await evaluate_collection(
                collection,
                models,
                call,
                reranker=models,
                counter=models,
                report_progress=lambda stage, done, total: progress.update(
                    bars[stage], completed=done, total=total
                ),
            )
            return report
        finally:
            await models.aclose()


def _tell(out: Console, report: EvaluationReport) -> None:
    table = Table("What", "Measured", title=f"{report.documents} documents, {report.queries} tasks")
    for k, value in report.recall.items():
        table.add_row(f"Recall of required documents @{k}", f"{value:.3f}")
    table.add_row("nDCG@10", f"{report.ndcg_at_10:.3f}")
    table.add_row("Ingestion", f"{report.ingest_s:.1f} s ({report.documents_per_s:.1f} documents/s)")
    table.add_row(
        "Search p50 / p95", f"{report.search_p50_s * 1000:.0f} / {report.search_p95_s * 1000:.0f} ms"
    )
    out.print(table)
