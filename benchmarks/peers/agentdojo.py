"""AgentDojo's tasks, tools and solutions as JSON, read from the package in an environment of its own.

`python -m benchmarks.peers.agentdojo` makes the environment; the same file runs inside it, where nothing of ours
can be imported.
"""

import json
import sys
from typing import Any

_NAME = "agentdojo"
_PACKAGES = ("agentdojo==0.1.35",)
_VERSION = "v1.2.1"


def _install() -> None:
    from benchmarks.peers.environment import install

    install(_NAME, _PACKAGES)


def _dump() -> dict[str, Any]:
    from agentdojo.task_suite.load_suites import get_suites  # type: ignore[import-not-found]

    return {name: _suite(suite) for name, suite in get_suites(_VERSION).items()}


def _suite(suite: Any) -> dict[str, Any]:
    environment = suite.load_and_inject_default_environment({})
    tools = [
        {"name": tool.name, "description": tool.description, "parameters": list(tool.parameters.model_fields)}
        for tool in suite.tools
    ]
    tasks = [
        {
            "id": name,
            "prompt": task.PROMPT,
            "tools": [call.function for call in task.ground_truth(environment.model_copy(deep=True))],
        }
        for name, task in suite.user_tasks.items()
    ]
    return {"tools": tools, "tasks": tasks}


if __name__ == "__main__":
    if sys.argv[1:] == ["dump"]:
        json.dump(_dump(), sys.stdout)
    else:
        _install()
