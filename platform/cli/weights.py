"""`secretariat models pull` and `list`."""

import json
import sys

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from secretariat.models.catalog import CATALOG
from secretariat.models.errors import ModelError
from secretariat.models.installed import added, defaults, shipped
from secretariat.models.pull import pull as pull_weights
from secretariat.platform.settings import Settings


def pull(names: list[str]) -> int:
    """0 when all are there, 2 when one can't be had."""
    directory = Settings().models_dir
    out = Console(stderr=True, highlight=False)
    for name in names or defaults():
        try:
            with out.status(f"{name}: fetching"):
                pull_weights(
                    name, directory, lambda line: out.log(escape(line)) if sys.stderr.isatty() else None
                )
        except ModelError as error:
            out.print(f"[red]{escape(name)}:[/red] {escape(error.message)}", soft_wrap=True)
            return 2
        out.print(f"{name}: ready")
    return 0


def show(*, as_json: bool) -> None:
    directory = Settings().models_dir
    rows = [
        {
            "name": source.name,
            "kind": source.kind,
            "architecture": source.architecture,
            "base": source.base,
            "licence": source.licence,
            "context_length": source.context_length,
            "present": (directory / source.name).is_dir(),
        }
        for source in {**CATALOG, **shipped(), **added(directory)}.values()
    ]
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    table = Table("Name", "Kind", "Architecture", "Base", "Licence", "Context", "Here")
    for row in rows:
        described = (escape(str(value)) if value is not None else "-" for value in list(row.values())[:-1])
        table.add_row(*described, "yes" if row["present"] else "no")
    Console().print(table)
