"""AgentDojo's user tasks (arXiv:2406.13352): the sequence of tools that its own solution calls, as a plan.

Its tasks, tools and solutions come from the package itself, in an environment of its own (`python -m
benchmarks.peers.agentdojo` makes it). Reported beside the figures: the plan's arguments aren't compared.
"""

import json
import subprocess
from typing import Any

from benchmarks.peers.environment import home
from benchmarks.quality import offering
from benchmarks.quality.answering import Answerer
from secretariat.models.training.data.plan_form import MOST_STEPS, Action

_READER = "benchmarks/peers/agentdojo.py"
_DESCRIBED = 120


def planned(answerer: Answerer, size: int) -> str | dict[str, float]:
    """Shares of all tasks, or why there are none."""
    python = home("agentdojo") / "bin" / "python"
    if not python.exists():
        return "not measured: the package isn't there (python -m benchmarks.peers.agentdojo)"
    done = subprocess.run([str(python), "-I", _READER, "dump"], capture_output=True, text=True, check=True)
    suites: dict[str, Any] = json.loads(done.stdout)
    rows = [(suite["tools"], task) for suite in suites.values() for task in suite["tasks"] if task["tools"]]
    chosen = rows[:: max(1, len(rows) // size)][:size]
    prompts = [offering.plan(task["prompt"], [_action(each) for each in tools]) for tools, task in chosen]
    texts = [result.text for result in answerer.answers(prompts)]
    called = [_tools(text) for text in texts]
    right = sum(tools == task["tools"] for tools, (_, task) in zip(called, chosen, strict=True))
    first = sum(tools[:1] == task["tools"][:1] for tools, (_, task) in zip(called, chosen, strict=True))
    reachable = sum(len(task["tools"]) <= MOST_STEPS for _, task in chosen)
    shares = {"right": right, "first tool right": first, "short enough": reachable}
    return {"tasks": len(chosen), **{name: round(held / len(chosen), 3) for name, held in shares.items()}}


def _action(tool: dict[str, Any]) -> Action:
    return Action(tool["name"], tool["description"][:_DESCRIBED], tuple(tool["parameters"]))


def _tools(text: str) -> list[str]:
    try:
        return [str(step["tool"]) for step in json.loads(text)["steps"]]
    except json.JSONDecodeError:  # cut off at the budget's end
        return []
