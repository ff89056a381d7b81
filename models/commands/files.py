"""Which files of a directory or a repository make a checkpoint, and what to say where they don't make one.

Knows names alone, and reads no file.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from secretariat.models.checkpoints.shards import INDEX, SINGLE
from secretariat.models.errors import ModelError
from secretariat.models.nets.checkpoint import CONFIG, DELTAS, MIXTURE
from secretariat.models.tokens.files import TEXT_FILES, TOKENIZER

_PART = re.compile(r"model-(\d+)-of-(\d+)\.safetensors")
_GGUF_PART = re.compile(r".*-\d{5}-of-\d{5}\.gguf")
_ABOUT = ("README.md", "LICENSE", "LICENSE.md", "LICENSE.txt")
_CAN_HOLD_CODE = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


def wanted(names: Sequence[str]) -> list[str]:
    """Of the files at the top of a directory or repository those that are taken: a checkpoint's, or changes of
    another's.

    Raises ModelError: "weights_missing" naming what lacks, "invalid_request" where a choice is to be made.
    """
    about = [name for name in names if name in _ABOUT]
    changes = [name for name in (DELTAS, MIXTURE) if name in names]
    if CONFIG in names and changes:
        inside = [name for name in names if name.endswith(".gguf") or name in TEXT_FILES]
        return [CONFIG, *changes, *(name for name in inside if name != CONFIG), *about]
    tensors = [name for name in names if name == SINGLE or _PART.fullmatch(name)]
    if CONFIG in names and tensors:
        _check_whole(names, tensors)
        return [*tensors, *(name for name in names if name in (*TEXT_FILES, INDEX)), *about]
    quantised = [name for name in names if name.endswith(".gguf")]
    for name in quantised:
        _check_gguf(name)
    if len(quantised) > 1:
        raise ModelError("invalid_request", f"choose one of {', '.join(quantised)} and add that file")
    if not quantised:
        raise _missing(_why_none(names))
    return [*quantised, *about]


def lone(file: Path) -> list[Path]:
    """A file that was named by itself. Raises ModelError as `wanted`."""
    if file.suffix == ".gguf":
        _check_gguf(file.name)
        return [file]
    if file.suffix in _CAN_HOLD_CODE:
        raise _missing(_pickled(file.name))
    if file.suffix != ".safetensors":
        raise ModelError("invalid_request", f"{file.name} is no model: add a .gguf file or a directory")
    beside = {path.name for path in file.parent.iterdir()}
    if absent := [name for name in (CONFIG, TOKENIZER) if name not in beside]:
        raise _missing(
            f"{file.name} holds a model's numbers alone, and {_listed(absent)} beside it: put the model's files"
            " into one directory and add the directory"
        )
    raise ModelError("invalid_request", f"add the directory, which has the rest of the model: {file.parent}")


def _check_whole(names: Sequence[str], tensors: Sequence[str]) -> None:
    if TOKENIZER not in names:
        raise _missing(f"there is no {TOKENIZER} beside the weights")
    if SINGLE in tensors:
        return
    parts = [found for name in tensors if (found := _PART.fullmatch(name))]
    width, total = len(parts[0][1]), int(parts[0][2])
    expected = [f"model-{number:0{width}}-of-{parts[0][2]}.safetensors" for number in range(1, total + 1)]
    absent = [name for name in (*expected, INDEX) if name not in names]
    if absent:
        raise _missing(
            f"the weights are in {total} files with an index, and {_listed(absent)}: fetch what lacks, and add"
            " the directory again"
        )


def _why_none(names: Sequence[str]) -> str:
    numbers = [name for name in names if name.endswith(".safetensors")]
    pickled = [name for name in names if name.endswith(_CAN_HOLD_CODE)]
    if numbers and CONFIG not in names:
        return f"there is {numbers[0]}, but {CONFIG} is missing beside it"
    if numbers:
        return f"the weights must be called {SINGLE}, or as the {INDEX} says; there is {numbers[0]}"
    return _pickled(pickled[0]) if pickled else f"there is neither a .gguf file nor {CONFIG} with {SINGLE}"


def _pickled(name: str) -> str:
    return f"{name} is of a kind that can hold code and is never opened: get the model as safetensors or GGUF"


def _check_gguf(name: str) -> None:
    if _GGUF_PART.fullmatch(name):
        raise ModelError(
            "invalid_request",
            f"{name} is a part of a GGUF file: join the parts with llama-gguf-split --merge, and add the result",
        )


def _listed(absent: Sequence[str]) -> str:
    shown = ", ".join(absent[:-1]) + " and " + absent[-1] if len(absent) > 1 else absent[0]
    return f"{shown} {'are' if len(absent) > 1 else 'is'} missing"


def _missing(message: str) -> ModelError:
    return ModelError("weights_missing", message)
