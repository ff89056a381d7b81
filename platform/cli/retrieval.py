"""`secretariat eval retrieval`: how good search is on a collection of questions with known answers."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from secretariat.models.core import CallContext
from secretariat.models.errors import ModelError
from secretariat.models.remote import RemoteModels
from secretariat.platform.cli.served import served_models
from secretariat.platform.embedded.errors import StackError
from secretariat.platform.evaluation.circumstances import circumstances
from secretariat.retrieval.evaluate import (
    MEASURES,
    EvaluationReport,
    EvaluationSet,
    evaluate_collection,
    read_beir,
)
from secretariat.retrieval.search.configuration import CONFIGURATIONS

_SHOWN = 5


def measure(directory: Path, *, compare: str | None, split: str, output: Path | None, as_json: bool) -> None:
    """Exit code 2 when the data or the model server isn't there, or a configuration has no such name."""
    out = Console(highlight=False, stderr=as_json)
    if compare is not None and compare not in CONFIGURATIONS:
        out.print(f"[red]No configuration {escape(compare)}.[/red] There are: {', '.join(CONFIGURATIONS)}.")
        raise typer.Exit(2)
    try:
        collection = read_beir(directory, split)
        with served_models(out.print) as client:
            names = ["default"] if compare in (None, "default") else ["default", str(compare)]
            reports = asyncio.run(_run(collection, names, client(), out))
    except (OSError, KeyError, ValueError, StackError, ModelError) as error:
        out.print(f"[red]{escape(str(directory))} could not be measured:[/red] {escape(str(error))}")
        raise typer.Exit(2) from error
    result = {**_as_json(collection, reports), **circumstances()}
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(result))
    else:
        _tell(out, collection, reports)


async def _run(
    collection: EvaluationSet, names: list[str], models: RemoteModels, out: Console
) -> list[EvaluationReport]:
    call = CallContext(tenant="evaluation", request_id=collection.name)
    with Progress(console=out, disable=not out.is_terminal) as progress:
        bars = {stage: progress.add_task(stage, total=None) for stage in ("documents", "queries")}
        try:
            return await evaluate_collection(
                collection,
                models,
                call,
                reranker=models,
                counter=models,
                configurations=names,
                report_progress=lambda stage, done, total: progress.update(
                    bars[stage], completed=done, total=total
                ),
            )
        finally:
            await models.aclose()


def _as_json(collection: EvaluationSet, reports: list[EvaluationReport]) -> dict[str, Any]:
    """Values by query are given for two configurations, where they can be compared."""
    first, *others = reports
    result: dict[str, Any] = {
        "collection": first.name,
        "documents": first.documents,
        "chunks": first.chunks,
        "queries": first.queries,
        "configurations": {
            report.configuration: {measure: asdict(report.interval(measure)) for measure in MEASURES}
            for report in reports
        },
    }
    for other in others:
        result["differences"] = {measure: asdict(first.difference(other, measure)) for measure in MEASURES}
        result["by_query"] = [
            {
                "id": query.id,
                **{m: [first.values[m][place], other.values[m][place]] for m in MEASURES},
            }
            for place, query in enumerate(collection.queries)
        ]
    return result


def _tell(out: Console, collection: EvaluationSet, reports: list[EvaluationReport]) -> None:
    first, *others = reports
    table = Table("Measure", *(report.configuration for report in reports))
    table.title = f"{first.name}: {first.documents} documents, {first.queries} queries"
    for measure in MEASURES:
        shown = [report.interval(measure) for report in reports]
        table.add_row(measure, *(f"{one.mean:.3f}  ({one.low:.3f} to {one.high:.3f})" for one in shown))
    out.print(table)
    for other in others:
        _tell_difference(out, collection, first, other)


def _tell_difference(
    out: Console, collection: EvaluationSet, first: EvaluationReport, other: EvaluationReport
) -> None:
    table = Table(f"{first.configuration} - {other.configuration}", "Mean (95 %)", "p", "Better", "Worse")
    for measure in MEASURES:
        found = first.difference(other, measure)
        mean = f"{found.interval.mean:+.3f}  ({found.interval.low:+.3f} to {found.interval.high:+.3f})"
        table.add_row(measure, mean, f"{found.p_value:.4f}", str(found.better), str(found.worse))
    out.print(table)
    by = [one - two for one, two in zip(first.values["ndcg@10"], other.values["ndcg@10"], strict=True)]
    order = sorted(range(len(by)), key=lambda place: -abs(by[place]))
    for place in [place for place in order if by[place]][:_SHOWN]:
        query = collection.queries[place]
        out.print(f"{by[place]:+.3f} nDCG@10 on {escape(query.id)}: {escape(query.text[:100])}")
