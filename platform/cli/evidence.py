"""`secretariat audit …`."""

import json
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from secretariat.platform.compliance.bundle import BundleInvalidError, BundleVerdict, verify_bundle

OK, BROKEN, UNREADABLE = 0, 1, 2


def verify(file: Path, *, as_json: bool) -> int:
    """0 when everything holds, 1 when something was changed, 2 when the file can't be read."""
    out = Console()
    try:
        verdict = verify_bundle(file)
    except BundleInvalidError as error:
        if as_json:
            print(json.dumps({"verified": False, "error": str(error)}))
        else:
            out.print(f"[red]Not verified.[/red] {escape(str(error))}", highlight=False)
        return UNREADABLE
    if as_json:
        print(json.dumps(_as_json(verdict), indent=2))
    else:
        _tell(out, verdict)
    return OK if verdict.verified else BROKEN


def _as_json(verdict: BundleVerdict) -> dict[str, object]:
    return {
        "verified": verdict.verified,
        "records": verdict.records,
        "complete_from_start": verdict.complete_from_start,
        "first_bad": asdict(verdict.first_bad) if verdict.first_bad else None,
        "manifest": asdict(verdict.manifest),
    }


def _tell(out: Console, verdict: BundleVerdict) -> None:
    manifest = verdict.manifest
    if verdict.first_bad is not None:
        out.print(
            f"[red]Not verified.[/red] Record {verdict.first_bad.seq}: {escape(verdict.first_bad.reason)}.",
            highlight=False,
        )
        return
    start = "from the first record on" if verdict.complete_from_start else "as a part of a longer chain"
    out.print(
        f"[green]Verified.[/green] {verdict.records} records, "
        f"{manifest.first_seq} to {manifest.last_seq}, {start}.\n"
        f"Head {manifest.last_hash}",
        highlight=False,
    )
