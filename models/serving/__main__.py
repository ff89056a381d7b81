"""`python -m secretariat.models.serving`: the model server as a process.

Listens first and loads torch and the models in the background.
"""

import argparse
import ctypes
import logging
import os
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import uvicorn

from secretariat.models.experts.pool import Turns
from secretariat.models.holding import hold
from secretariat.models.installed import DEFAULT_EMBEDDER, default_chat
from secretariat.models.serving.app import create_app
from secretariat.models.serving.listing import listings
from secretariat.models.serving.loading import loader, sizer
from secretariat.models.serving.shelf import Shelf

TOKEN_VARIABLE = "SECRETARIAT_MODEL_TOKEN"  # noqa: S105 - the name of a variable
_SHORTEST_TOKEN = 16
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_MOST_ARENAS = -8  # M_ARENA_MAX of glibc's malloc.h
_FORMS = ("stored", "float32", "bfloat16", "q8", "q4")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="secretariat.models.serving", description="Serve models to the platform."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--token-file", type=Path, help=f"or the token itself in {TOKEN_VARIABLE}")
    parser.add_argument("--models-dir", type=Path, required=True)
    parser.add_argument(
        "--model", type=_named, action="append", default=[], metavar="NAME=PATH",
        help="serve this directory or .gguf file; may be repeated; without any, all of the models' directory",
    )  # fmt: skip
    parser.add_argument("--chat", default=default_chat(), help="what 'default' means for chat")
    parser.add_argument("--embedder", default=DEFAULT_EMBEDDER, help="what 'default' means for embeddings")
    parser.add_argument("--classifier", help="what 'default' means for labels by a head; nothing without it")
    parser.add_argument(
        "--memory", type=_bytes, help="bytes for all loaded models, as 8G; half the machine's"
    )
    parser.add_argument("--threads", type=_positive, default=2)
    parser.add_argument("--dtype", choices=_FORMS, default="stored", help="the form to hold matrices in")
    parser.add_argument("--backend", choices=("auto", "native", "torch"), default="auto")
    parser.add_argument("--fast", action="store_true", help="give up equal bits for equal requests")
    parser.add_argument("--contexts", type=_positive, default=2, help="key-value memory, in full contexts")
    parser.add_argument(
        "--kv", choices=("bfloat16", "float32"), default="bfloat16", help="the form of keys and values"
    )
    parser.add_argument("--adapters-dir", type=Path, help="where adapters are loaded from; none without it")
    parser.add_argument(
        "--adapter-rows", type=_positive, default=8, help="adapters that a model holds at once"
    )
    parser.add_argument(
        "--adapter-rank", type=_positive, default=16, help="the largest rank of a LoRA adapter"
    )
    parser.add_argument(
        "--patience",
        type=_seconds,
        default=60.0,
        help="seconds to wait for room for a model; 0 refuses at once",
    )
    options = parser.parse_args(arguments)
    try:
        options.token = _token(options.token_file)
    except OSError as error:
        parser.error(f"--token-file can't be read: {error}")
    if len(options.token) < _SHORTEST_TOKEN:
        parser.error(
            f"a service token of at least {_SHORTEST_TOKEN} characters is needed, in --token-file or in"
            f" {TOKEN_VARIABLE}"
        )
    return options


def _token(file: Path | None) -> str:
    return file.read_text().strip() if file is not None else os.environ.get(TOKEN_VARIABLE, "")


def _named(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    if not equals or not name or not path:
        raise argparse.ArgumentTypeError(f"{text!r} isn't NAME=PATH")
    return name, Path(path)


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} isn't a whole number above 0")
    return int(text)


def _seconds(text: str) -> float:
    if not re.fullmatch(r"\d+(\.\d+)?", text):
        raise argparse.ArgumentTypeError(f"{text!r} isn't a number of seconds")
    return float(text)


def _bytes(text: str) -> int:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]?)(?:I?B)?", text.upper())
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} isn't a number of bytes, such as 8G")
    return int(float(found[1]) * _UNITS[found[2]])


def _half_of_memory() -> int | None:
    if "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def _share_one_heap() -> None:
    """Each thread would have one, and keep in it what loading took and freed: some 20 MB (glibc's mallopt(3))."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_MOST_ARENAS, 1)


def shelf_of(options: argparse.Namespace) -> Shelf:
    required = [name for name in (options.chat, options.embedder, options.classifier) if name is not None]
    listed = listings(options.models_dir, dict(options.model), required)
    for listing in listed.values():
        hold(listing.path)
        if listing.borrowed is not None:
            hold(listing.borrowed)
    return Shelf(
        listed,
        loader(options),
        chat=options.chat,
        embedder=options.embedder,
        classifier=options.classifier,
        budget=options.memory if options.memory is not None else _half_of_memory(),
        size=sizer(options),
        turns=Turns(patience=options.patience),
    )


def main(arguments: Sequence[str]) -> None:
    options = parse(arguments)
    _share_one_heap()
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    # Torch's threads spin by default while they wait for each other: on cores that they share with a database
    # and a worker, a step then takes up to seven times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    for number in (signal.SIGTERM, signal.SIGINT):  # the server raises them again once it has stopped
        signal.signal(number, _leave)
    uvicorn.run(
        create_app(shelf_of(options), options.token, options.adapters_dir),
        host=options.host,
        port=options.port,
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=3,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
