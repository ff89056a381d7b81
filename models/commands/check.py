"""Whether a model is what it was when it came: the bytes of its files, and the logits of the golden prompt.

An embedder has no logits: its vectors of a few texts, as it is served, are compared with those in float32.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from secretariat.models.commands.golden import PROMPT, compare, golden_of, read_golden, write_golden
from secretariat.models.errors import ModelError
from secretariat.models.installed import GOLDEN, find
from secretariat.models.nets.load import load_chat_model
from secretariat.models.nets.load_encoder import load_embedder
from secretariat.models.pull import locate, problems

LEAST_COSINE = 0.999
_TEXTS = ("", "badge", PROMPT, f"{PROMPT}. " * 9)


def check(name: str, models_dir: Path, *, record: bool) -> dict[str, Any]:
    """`holds`: files and logits are as recorded. `record` makes the record where there is none, if the files are
    as pinned. Raises ModelError as `load_chat_model`."""
    source, directory = find(name, models_dir), locate(name, models_dir)
    wrong = problems(source, directory)
    if source.kind == "embedding":
        return _embedder(name, directory, wrong)
    if source.kind != "chat":
        raise ModelError("invalid_request", f"{name} is a {source.kind} and has no logits", param="name")
    if record and wrong:
        raise ModelError(
            "checkpoint_invalid", f"{name} isn't recorded while its files are wrong: {'; '.join(wrong)}"
        )
    made = record and not (directory / GOLDEN).is_file()
    then = None if made else read_golden(directory)
    now = golden_of(load_chat_model(directory))
    if then is None:
        write_golden(now, directory)
        then = now
    verdict = compare(then, now)
    return {
        "name": name,
        "holds": verdict.equal and not wrong,
        "recorded_now": made,
        "problems": wrong,
        "verdict": {**asdict(verdict), "difference": min(verdict.difference, 1e9)},
        "arithmetic": asdict(now.arithmetic),
        "recorded_arithmetic": asdict(then.arithmetic),
        "prompt_tokens": len(now.tokens),
        "top": list(now.top[:5]),
    }


def _embedder(name: str, directory: Path, wrong: list[str]) -> dict[str, Any]:
    """Nothing is recorded: float32 is what the vectors are held to."""
    served, plain = load_embedder(directory), load_embedder(directory, backend="torch")
    cosines = (served.embed(_TEXTS) * plain.embed(_TEXTS)).sum(axis=1)
    return {
        "name": name,
        "holds": bool(cosines.min() >= LEAST_COSINE) and not wrong,
        "problems": wrong,
        "least_cosine": round(float(cosines.min()), 6),
        "arithmetic": asdict(served.arithmetic),
    }
