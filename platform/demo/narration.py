"""A task's events, told as they happen. Quiet about what only matters to machines."""

from typing import Any

from rich.console import Console
from rich.markup import escape

_SHOWN = 160


class Narrator:
    """Prints plan, steps, searches, model calls and citations; everything else passes silently."""

    def __init__(self, out: Console) -> None:
        self._out = out

    def tell(self, event: dict[str, Any]) -> None:
        handler = getattr(self, "_" + event["type"].replace(".", "_"), None)
        if handler is not None:
            handler(event["payload"])

    def _plan_proposed(self, payload: dict[str, Any]) -> None:
        self._out.print(f"\n[bold]Plan[/bold] [dim]{payload['plan_sha256'][:16]}[/dim]")
        for step in payload["steps"]:
            after = f" [dim]after {', '.join(step['after'])}[/dim]" if step["after"] else ""
            arguments = ", ".join(f"{name}: {value}" for name, value in step["arguments"].items())
            self._out.print(
                f"  {step['id']}  [bold]{step['tool']}[/bold]  {escape(_short(arguments))}{after}"
            )
        self._out.print("\n[bold]Steps[/bold]")

    def _retrieval_completed(self, payload: dict[str, Any]) -> None:
        if payload["unit"] == "sentence":
            self._out.print(
                f"  {payload['step']}  puts {len(payload['passages'])} sentences before the model"
            )
            return
        reach = f"{payload['allowed_count']} documents in reach, {payload['denied_count']} denied"
        self._out.print(f"  {payload['step']}  found {len(payload['passages'])} passages  [dim]{reach}[/dim]")

    def _model_answered(self, payload: dict[str, Any]) -> None:
        use = payload["model"]
        cost = f"{use['prompt_tokens']} + {use['completion_tokens']} tokens, {payload['seconds']:.1f} s"
        self._out.print(
            f"  {payload['step'] or '-'}  model [dim]{payload['purpose']}, {cost}[/dim]"
            f"  {escape(_short(payload['text']))}"
        )

    def _step_completed(self, payload: dict[str, Any]) -> None:
        self._out.print(
            f"  {payload['step']}  [green]{payload['tool']} done[/green] [dim]{payload['seconds']:.1f} s[/dim]"
            f"  {escape(_short(payload['summary']))}"
        )

    def _step_failed(self, payload: dict[str, Any]) -> None:
        self._out.print(
            f"  {payload['step']}  [red]{payload['tool']} failed[/red]  {escape(payload['message'])}"
        )

    def _artifact_created(self, payload: dict[str, Any]) -> None:
        self._out.print(f"  {payload['step']}  wrote a report: {escape(payload['title'])}")

    def _task_completed(self, payload: dict[str, Any]) -> None:
        self._out.print(f"\n[bold]Answer[/bold]\n{escape(payload['answer'])}")
        for number, citation in enumerate(payload["citations"], start=1):
            mark = "[green]verified[/green]" if citation["verified"] else "[red]not verified[/red]"
            place = f"{citation['document']}, characters {citation['start']} to {citation['end']}"
            self._out.print(f"  \\[{number}] {escape(place)}  {mark}")

    def _task_failed(self, payload: dict[str, Any]) -> None:
        self._out.print(f"\n[red]The task failed:[/red] {escape(payload['message'])}")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"
