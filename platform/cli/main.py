"""`secretariat`: every command in one list. Each group's code is imported only when it is used.

Exit codes: 0 done, 1 what was checked does not hold, 2 the command could not be carried out.
"""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Agents whose every answer can be proved.")
models = typer.Typer(no_args_is_help=True, help="Model weights.")
audit = typer.Typer(no_args_is_help=True, help="Evidence.")
evaluate = typer.Typer(no_args_is_help=True, help="How good the answers are.")
app.add_typer(models, name="models")
app.add_typer(audit, name="audit")
app.add_typer(evaluate, name="eval")


class KvType(StrEnum):
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


Output = Annotated[Path | None, typer.Option(help="Also write the figures, with hardware and commit.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@app.command()
def run() -> None:
    """Start everything and stay up until Ctrl-C."""
    from secretariat.platform.cli.run import run as start

    start()


@app.command("sign-in-link")
def sign_in_link() -> None:
    """A link that signs the first administrator in once, within 15 minutes. Needs a running database."""
    from secretariat.platform.cli.run import print_link

    print_link()


@app.command()
def demo(
    judge: Annotated[bool, typer.Option("--eval", help="Run all twenty tasks too.")] = False,
) -> None:
    """Start everything, carry out one real task over the example handbook, prove it, stop."""
    from secretariat.platform.demo.show import show

    raise typer.Exit(show(judge=judge))


@app.command()
def openapi(output: Annotated[Path, typer.Argument(help="Where to write the document.")]) -> None:
    """Write the OpenAPI document that the console's client is generated from."""
    from secretariat.platform.cli.openapi import openapi_document

    output.write_text(json.dumps(openapi_document(), indent=2, sort_keys=True) + "\n", encoding="utf-8")


@models.command("pull")
def models_pull(
    names: Annotated[list[str] | None, typer.Argument(help="Default: all that are embedded.")] = None,
) -> None:
    """Fetch weights and check them against their pinned SHA-256."""
    from secretariat.platform.cli.weights import pull

    raise typer.Exit(pull(names or []))


@models.command("list")
def models_list(*, as_json: Json = False) -> None:
    """What can be pulled, under which licence, and what is there."""
    from secretariat.platform.cli.weights import show

    show(as_json=as_json)


@models.command("add")
def models_add(
    source: Annotated[str, typer.Argument(metavar="PATH|HF-ID", help="File, directory, or owner/name.")],
    name: Annotated[str | None, typer.Option(help="Default: the file's or repository's.")] = None,
    licence: Annotated[str | None, typer.Option(help="Default: what its README states.")] = None,
    revision: Annotated[str, typer.Option(help="Branch, tag or commit of a repository.")] = "main",
    *,
    as_json: Json = False,
) -> None:
    """Take a model in: understand its configuration, hash its files, run it once and keep what it computed."""
    from secretariat.platform.cli.models import add

    raise typer.Exit(add(source, name=name, licence=licence, revision=revision, as_json=as_json))


@models.command("plan")
def models_plan(
    model: Annotated[str, typer.Argument(metavar="NAME|PATH", help="A model, or a config.json alone.")],
    context: Annotated[
        str | None, typer.Option(help="Tokens, as 262144 or 256K. Default: its limit.")
    ] = None,
    batch: Annotated[int, typer.Option(min=1, help="Sequences at once.")] = 1,
    device: Annotated[str | None, typer.Option(help="Memory, as 80GB. Default: this machine's.")] = None,
    kv: Annotated[KvType, typer.Option(help="Numbers of keys and values.")] = KvType.BFLOAT16,
    *,
    as_json: Json = False,
) -> None:
    """What a model takes in memory: weights, keys and values, states, workspace; and what fits on a device."""
    from secretariat.platform.cli.models import plan

    raise typer.Exit(plan(model, context=context, batch=batch, device=device, kv=kv.value, as_json=as_json))


@models.command("check")
def models_check(
    name: str,
    *,
    record: Annotated[bool, typer.Option("--record", help="Make the record, if there is none.")] = False,
    as_json: Json = False,
) -> None:
    """Check that a model's files and its logits on a fixed prompt are what they were when it came."""
    from secretariat.platform.cli.models import check

    raise typer.Exit(check(name, record=record, as_json=as_json))


@models.command("basis")
def models_basis(
    name: str,
    directions: Annotated[int, typer.Option(min=1, help="Leading directions of each matrix.")] = 64,
    directory: Annotated[
        Path | None, typer.Option(help="The server's --adapters-dir. Default: adapters in the home.")
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """Decompose a model's feed-forward matrices once: the basis that all its singular-value vectors share."""
    from secretariat.platform.cli.models import basis

    raise typer.Exit(basis(name, directions=directions, directory=directory, as_json=as_json))


@models.command("remove")
def models_remove(name: str, *, as_json: Json = False) -> None:
    """Take a model's files away, unless a server that runs lists it or starts with it."""
    from secretariat.platform.cli.models import remove

    raise typer.Exit(remove(name, as_json=as_json))


@audit.command("verify")
def audit_verify(file: Path, *, as_json: Json = False) -> None:
    """Check an exported audit log without any server: every hash, every number, every count."""
    from secretariat.platform.cli.evidence import verify

    raise typer.Exit(verify(file, as_json=as_json))


@evaluate.command("tasks")
def evaluate_tasks(file: Path, *, output: Output = None, as_json: Json = False) -> None:
    """Run the tasks of a file over the handbook beside it and judge the answers."""
    from secretariat.platform.demo.show import judge_tasks

    raise typer.Exit(judge_tasks(file, output=output, as_json=as_json))


@evaluate.command("retrieval")
def evaluate_retrieval(
    directory: Annotated[Path, typer.Argument(help="corpus.jsonl, queries.jsonl, qrels/ (BEIR's layout).")],
    compare: Annotated[
        str | None, typer.Option(help="Another configuration: no-rerank, meaning or words.")
    ] = None,
    split: Annotated[str, typer.Option(help="Which file of qrels/.")] = "test",
    *,
    output: Output = None,
    as_json: Json = False,
) -> None:
    """nDCG@10, recall and MRR of search with confidence intervals; what another configuration changes."""
    from secretariat.platform.cli.retrieval import measure

    measure(directory, compare=compare, split=split, output=output, as_json=as_json)


@evaluate.command("strategies")
def evaluate_strategies(
    dataset: Annotated[
        Path,
        typer.Argument(
            help="queries.jsonl (with answers), qrels.tsv and, unless yours are asked, documents/."
        ),
    ],
    assistant: Annotated[str | None, typer.Option(help="By name: its model and adapter answer.")] = None,
    url: Annotated[
        str | None, typer.Option(help="Ask the service that is up there, with the key in $SECRETARIAT_KEY.")
    ] = None,
    *,
    output: Output = None,
    as_json: Json = False,
) -> None:
    """Answers from memory, from search, with an adapter, with both and with whole documents, side by side."""
    from secretariat.platform.cli.strategies import measure

    raise typer.Exit(measure(dataset, assistant=assistant, url=url, output=output, as_json=as_json))


@evaluate.command("rho-bank")
def evaluate_rho_bank(
    directory: Path,
    *,
    output: Annotated[
        Path | None, typer.Option(help="Also write the figures, with hardware and commit.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Recall of the documents that the tau2 banking tasks require, with the embedder that is served."""
    from secretariat.platform.cli.rho_bank import measure

    measure(directory, output=output, as_json=as_json)


@app.command()
def setup() -> None:
    """Secrets, weights and schema, for an installation whose parts run elsewhere (docker compose)."""
    from secretariat.platform.cli.run import prepare

    prepare()


def main() -> None:
    app()


if __name__ == "__main__":
    main()
