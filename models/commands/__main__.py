"""`python -m secretariat.models.commands`: one command, its result as JSON on standard output.

Steps go to standard error, a line each. Exit codes as those of `secretariat`: 0 done, 1 what was checked does not
hold, 2 the command could not be carried out; then the JSON is {"error": {"code", "message"}}.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from secretariat.models.errors import ModelError

Document = dict[str, Any]


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="secretariat.models.commands")
    parser.add_argument("--models-dir", type=Path, required=True)
    commands = parser.add_subparsers(dest="command", required=True)
    adding = commands.add_parser("add")
    adding.add_argument("source")
    adding.add_argument("--name")
    adding.add_argument("--licence")
    adding.add_argument("--revision", default="main")
    planning = commands.add_parser("plan")
    planning.add_argument("model")
    planning.add_argument("--context")
    planning.add_argument("--batch", type=int, default=1)
    planning.add_argument("--device")
    planning.add_argument("--kv", choices=("float32", "bfloat16"), default="bfloat16")
    checking = commands.add_parser("check")
    checking.add_argument("name")
    checking.add_argument("--record", action="store_true")
    basing = commands.add_parser("basis")
    basing.add_argument("name")
    basing.add_argument("--directions", type=int, default=64)
    basing.add_argument("--directory", type=Path, required=True)
    routing = commands.add_parser("router")
    routing.add_argument("embedder")
    routing.add_argument("--examples", type=Path, required=True)
    routing.add_argument("--held-out", type=Path, required=True)
    routing.add_argument("--general", required=True)
    routing.add_argument("--kind", choices=("linear", "nearest"), default="linear")
    routing.add_argument("--directory", type=Path, required=True)
    shipping = commands.add_parser("ship")
    shipping.add_argument("name")
    shipping.add_argument("--experts")
    commands.add_parser("remove").add_argument("name")
    return parser.parse_args(arguments)


def _add(options: argparse.Namespace) -> tuple[int, Document]:
    from secretariat.models.commands.add import add

    made = add(
        options.source, options.models_dir, name=options.name, licence=options.licence,
        revision=options.revision, progress=lambda line: print(line, file=sys.stderr, flush=True),  # noqa: T201
    )  # fmt: skip
    source = made.source
    return 0, {
        "name": source.name,
        "architecture": source.architecture,
        "licence": source.licence,
        "base": source.base,
        "context_length": source.context_length,
        "bytes": source.bytes,
        "files": len(source.files),
        "directory": str(made.directory),
        "weights_sha256": made.golden.weights_sha256,
        "arithmetic": asdict(made.golden.arithmetic),
    }


def _plan(options: argparse.Namespace) -> tuple[int, Document]:
    from secretariat.models.commands.plan import planned

    return 0, planned(
        options.model, options.models_dir, context=options.context, batch=options.batch, device=options.device,
        kv=options.kv,
    )  # fmt: skip


def _check(options: argparse.Namespace) -> tuple[int, Document]:
    from secretariat.models.commands.check import check

    found = check(options.name, options.models_dir, record=options.record)
    return 0 if found["holds"] else 1, found


def _basis(options: argparse.Namespace) -> tuple[int, Document]:
    from secretariat.models.commands.basis import basis

    return 0, basis(
        options.name, options.models_dir, directions=options.directions, directory=options.directory
    )


def _router(options: argparse.Namespace) -> tuple[int, Document]:
    from secretariat.models.commands.router import router

    return 0, router(
        options.embedder, options.models_dir, examples=options.examples, held_out=options.held_out,
        general=options.general, kind=options.kind, directory=options.directory,
    )  # fmt: skip


def _ship(options: argparse.Namespace) -> tuple[int, Document]:
    from secretariat.models.commands.ship import ship

    return 0, ship(options.name, options.models_dir, experts=options.experts)


def _remove(options: argparse.Namespace) -> tuple[int, Document]:
    from secretariat.models.commands.remove import remove

    gone = remove(options.name, options.models_dir)
    return 0, {**asdict(gone), "directory": str(gone.directory)}


_COMMANDS: dict[str, Callable[[argparse.Namespace], tuple[int, Document]]] = {
    "add": _add,
    "plan": _plan,
    "check": _check,
    "basis": _basis,
    "router": _router,
    "ship": _ship,
    "remove": _remove,
}


def main(arguments: Sequence[str]) -> int:
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the model server: cores are shared
    options = parse(arguments)
    try:
        code, document = _COMMANDS[options.command](options)
    except ModelError as error:
        code, document = 2, {"error": {"code": error.code, "message": error.message}}
    json.dump(document, sys.stdout)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
