"""`python -m secretariat.models.serving`: the model server as a process.

Listens first and loads torch and the models in the background.
"""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn

from secretariat.models.serving.app import create_app
from secretariat.models.serving.bridge import Bridge

if TYPE_CHECKING:
    from secretariat.models.engine.local import LocalModels

TOKEN_VARIABLE = "SECRETARIAT_MODEL_TOKEN"  # noqa: S105 - the name of a variable
_SHORTEST_TOKEN = 16


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="secretariat.models.serving", description="Serve models to the platform."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--token-file", type=Path, help=f"or the token itself in {TOKEN_VARIABLE}")
    parser.add_argument("--models-dir", type=Path, required=True)
    parser.add_argument("--chat", default="smollm2-135m-instruct")
    parser.add_argument("--embedder", default="all-minilm-l6-v2")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--contexts", type=int, default=2, help="key-value memory, in full contexts")
    options = parser.parse_args(arguments)
    options.token = _token(options.token_file)
    if len(options.token) < _SHORTEST_TOKEN:
        parser.error(f"the service token needs at least {_SHORTEST_TOKEN} characters")
    return options


def _token(file: Path | None) -> str:
    return file.read_text().strip() if file is not None else os.environ.get(TOKEN_VARIABLE, "")


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def _load(options: argparse.Namespace) -> "LocalModels":
    import torch

    from secretariat.models.engine.local import EngineOptions, LocalModels

    torch.set_num_threads(options.threads)
    engine = EngineOptions(dtype=options.dtype, contexts=options.contexts)
    return LocalModels.load(options.models_dir, options.chat, options.embedder, engine)


def main(arguments: Sequence[str]) -> None:
    options = parse(arguments)
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    # Torch's threads spin by default while they wait for each other: on cores that they share with a database
    # and a worker, a step then takes up to seven times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    bridge = Bridge(lambda: _load(options))
    for number in (signal.SIGTERM, signal.SIGINT):  # the server raises them again once it has stopped
        signal.signal(number, _leave)
    uvicorn.run(
        create_app(bridge, options.token),
        host=options.host,
        port=options.port,
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=3,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
