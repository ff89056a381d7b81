"""`secretariat models add`, `plan`, `check`, `basis` and `remove`.

A model process does the work: nothing here loads a network.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from secretariat.platform.settings import Settings

Document = dict[str, Any]
_GIB = 1 << 30


def add(source: str, *, name: str | None, licence: str | None, revision: str, as_json: bool) -> int:
    options = {"--name": name, "--licence": licence, "--revision": revision}
    code, made = _run(
        "add", source, *(part for key, value in options.items() if value for part in (key, value))
    )
    if code or as_json:
        return _raw(code, made, as_json=as_json)
    out = Console(highlight=False)
    files = f"{made['files']} file{'s' if made['files'] > 1 else ''}"
    what = f"{made['architecture']}, {_size(made['bytes'])}, {files}, licence {made['licence']}"
    if made["base"] is not None:
        what += f", on top of {made['base']}"
    out.print(f"[green]added[/green] {made['name']}: {escape(what)}", soft_wrap=True)
    out.print(f"  weights  SHA-256 {made['weights_sha256']}", soft_wrap=True)
    computed = _arithmetic(made["arithmetic"])
    out.print(f"  golden   logits of a fixed prompt kept, computed by {computed}", soft_wrap=True)
    out.print(f"  in       {escape(made['directory'])}", soft_wrap=True)
    return 0


def basis(name: str, *, directions: int, directory: Path | None, as_json: bool) -> int:
    into = (directory or Settings().home / "adapters").absolute()
    code, made = _run("basis", name, "--directions", str(directions), "--directory", str(into))
    if code or as_json:
        return _raw(code, made, as_json=as_json)
    out = Console(highlight=False)
    what = f"{made['directions']} directions of {made['matrices']} matrices, {_size(made['bytes'])}"
    out.print(f"[green]made[/green] the basis of {escape(name)}: {what}", soft_wrap=True)
    out.print(f"  holds    {made['least_kept']:.1%} to {made['most_kept']:.1%} of a matrix's squared norm")
    out.print(f"  digest   {made['digest']}", soft_wrap=True)
    out.print(f"  in       {escape(made['file'])}", soft_wrap=True)
    return 0


def remove(name: str, *, as_json: bool) -> int:
    code, gone = _run("remove", name)
    if code or as_json:
        return _raw(code, gone, as_json=as_json)
    out = Console(highlight=False)
    files = f"{gone['files']} file{'s' if gone['files'] != 1 else ''}"
    out.print(f"[green]removed[/green] {escape(name)}: {files}, {_size(gone['bytes'])}", soft_wrap=True)
    for left in gone["left"]:
        out.print(f"  left     {escape(left)}, which did not come with it, in {escape(gone['directory'])}")
    return 0


def check(name: str, *, record: bool, as_json: bool) -> int:
    code, found = _run("check", name, *(["--record"] if record else []))
    if code == 2 or as_json:
        return _raw(code, found, as_json=as_json)
    out = Console(highlight=False)
    for problem in found["problems"]:
        out.print(f"[red]file[/red]    {escape(problem)}", soft_wrap=True)
    if not found["problems"]:
        out.print("files   as pinned")
    _say_vectors(out, found) if "least_cosine" in found else _say_logits(out, found)
    out.print(f"{escape(name)}: {'[green]holds[/green]' if found['holds'] else '[red]does not hold[/red]'}")
    return code


def _say_vectors(out: Console, found: Document) -> None:
    out.print(f"vectors at a cosine of {found['least_cosine']:.5f} or more with those in float32")
    out.print(f"        computed by {_arithmetic(found['arithmetic'])}")


def _say_logits(out: Console, found: Document) -> None:
    verdict = found["verdict"]
    if found["recorded_now"]:
        out.print("logits  recorded now: there was nothing to compare with")
    elif verdict["equal"]:
        out.print(f"logits  {_equality(verdict)}, over {found['prompt_tokens']} tokens")
    else:
        out.print(f"[red]logits[/red]  differ: {verdict['reason']} (by {verdict['difference']:.2%})")
    out.print(f"        computed by {_arithmetic(found['arithmetic'])}")
    if found["recorded_arithmetic"] != found["arithmetic"]:
        out.print(f"        recorded by {_arithmetic(found['recorded_arithmetic'])}")


def plan(model: str, *, context: str | None, batch: int, device: str | None, kv: str, as_json: bool) -> int:
    chosen = {"--context": context, "--device": device, "--batch": str(batch), "--kv": kv}
    code, made = _run(
        "plan", model, *(part for key, value in chosen.items() if value for part in (key, value))
    )
    if code or as_json:
        return _raw(code, made, as_json=as_json)
    out = Console(highlight=False)
    sequences = f"{batch} sequence{'s' if batch > 1 else ''} of {made['context']:,} tokens"
    out.print(
        f"{escape(model)}: {made['architecture']}, {_count(made['parameters'])} parameters, {sequences}"
    )
    if made["context"] > made["context_length"]:
        out.print(f"[yellow]beyond the {made['context_length']:,} tokens that it was made for[/yellow]")
    out.print(_shares(made))
    out.print(_forms(made))
    return 0


def _shares(made: Document) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_row(f"keys and values, {made['kv_dtype']}", _size(made["kv"]))
    table.add_row("states", _size(made["state"]))
    table.add_row("workspace of a step", _size(made["workspace"]))
    if made["process"]:
        table.add_row("the program itself", _size(made["process"]))
    return table


def _forms(made: Document) -> Table:
    device = made["device"]
    fits = f"{escape(device['name'])} ({_size(device['bytes'])})"
    table = Table("Weights as", "Take", "With the above", fits, "Longest context", "Most sequences")
    for form in made["forms"]:
        most = form["largest_batch"]
        table.add_row(
            form["form"],
            _size(form["weights"]),
            _size(form["total"]),
            "[green]fits[/green]" if form["fits"] else "[red]too large[/red]",
            f"{form['longest_context']:,}" if form["longest_context"] else "-",
            "any number" if most is None else f"{most:,}" if most else "-",
        )
    return table


def _run(command: str, *arguments: str) -> tuple[int, Document]:
    """The exit code and what the model process said; its steps are shown while it works."""
    start = [sys.executable, "-m", "secretariat.models.commands", "--models-dir", str(Settings().models_dir)]
    console, said = Console(stderr=True, highlight=False), ""
    with (
        subprocess.Popen(
            [*start, command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as child,
        console.status("starting a model process") as status,
    ):
        assert child.stderr is not None
        assert child.stdout is not None
        for line in child.stderr:
            said = line.strip() or said
            status.update(escape(said))
        text = child.stdout.read()
    try:
        document: Document = json.loads(text)
    except ValueError:
        document = {"error": {"code": "engine_failed", "message": f"the model process broke: {said}"}}
        return 2, document
    return child.returncode, document


def _raw(code: int, document: Document, *, as_json: bool) -> int:
    if as_json:
        print(json.dumps(document, indent=2))
    elif error := document.get("error"):
        out = Console(stderr=True, highlight=False)
        out.print(f"[red]{error['code']}:[/red] {escape(error['message'])}", soft_wrap=True)
    return code


def _arithmetic(described: Document) -> str:
    exact = "exact" if described["exact"] else "not bit-exact"
    return (
        f"{described['backend']} on {described['isa']}, {described['threads']} threads, "
        f"{described['weights']} weights, {exact}"
    )


def _equality(verdict: Document) -> str:
    if verdict["compared"] == "bits":
        return "equal bit for bit"
    share = f"{verdict['tolerance']:.2%} of the largest (off by {verdict['difference']:.2%})"
    return f"equal within {share} in another arithmetic"


def _size(count: int) -> str:
    if not count:
        return "-"
    return f"{count / _GIB:,.2f} GiB" if count >= _GIB / 100 else f"{count / (1 << 20):,.2f} MiB"


def _count(parameters: int) -> str:
    return f"{parameters / 1e9:.1f}B" if parameters >= 1e9 else f"{parameters / 1e6:.0f}M"
