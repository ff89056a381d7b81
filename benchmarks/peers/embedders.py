"""sentence-transformers and fastembed as peers, in an environment of their own outside the repository.

`python -m benchmarks.peers.embedders` makes the environment and the files; the same file is what runs inside it,
where nothing of ours can be imported. fastembed would download weights: it is given ours, exported to ONNX and
quantised by onnxruntime's quantize_dynamic to int8, one scale a column.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PEERS = ("sentence-transformers", "fastembed")
LONGEST = 256
_NAME = "embedders"
_HOME = Path(sys.prefix)  # inside the environment


class Peer:
    """A process that embeds with one of the peers, ours to ask."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(self, texts: Sequence[str], save: Path | None = None) -> float:
        """Seconds that it took. `save`: where the vectors go, as .npy."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = {"texts": list(texts), "save": None if save is None else str(save)}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return float(json.loads(self._process.stdout.readline())["seconds"])


@contextmanager
def peer(name: str, model: Path, threads: int) -> Iterator[Peer]:
    from benchmarks.peers.environment import python

    command = [str(python(_NAME)), str(Path(__file__)), name, str(model), str(threads)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield Peer(process)
    finally:
        process.terminate()
        process.wait()


def install(model: Path) -> None:
    from benchmarks.peers import environment

    python = environment.install(_NAME, [*PEERS, "onnx"])
    if not (environment.home(_NAME) / "int8" / "model.onnx").exists():
        subprocess.run([str(python), str(Path(__file__)), "export", str(model), "2"], check=True)


def _export(model: Path) -> None:
    import shutil

    import torch
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from transformers import AutoTokenizer, BertModel

    bert = BertModel.from_pretrained(model, add_pooling_layer=False, attn_implementation="eager").eval()
    names = ["input_ids", "attention_mask", "token_type_ids"]

    class States(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bert = bert  # a part of it: else its weights are constants, which aren't quantised

        def forward(self, *inputs: torch.Tensor) -> Any:
            return self.bert(**dict(zip(names, inputs, strict=True))).last_hidden_state

    ids = torch.ones(2, 16, dtype=torch.int64)
    whole, quantised = _HOME / "float32", _HOME / "int8"
    for folder in (whole, quantised):
        folder.mkdir(exist_ok=True)
    torch.onnx.export(
        States(), (ids, ids, 0 * ids), str(whole / "model.onnx"), input_names=names, output_names=["states"],
        dynamic_axes={name: {0: "texts", 1: "tokens"} for name in [*names, "states"]}, opset_version=17,
        dynamo=False,
    )  # fmt: skip
    quantize_dynamic(
        str(whole / "model.onnx"),
        str(quantised / "model.onnx"),
        weight_type=QuantType.QInt8,
        per_channel=True,
    )
    AutoTokenizer.from_pretrained(model, model_max_length=LONGEST).save_pretrained(quantised)
    shutil.copy(model / "config.json", quantised)
    marks = {"cls": "[CLS]", "sep": "[SEP]", "pad": "[PAD]", "unk": "[UNK]", "mask": "[MASK]"}
    named = {f"{name}_token": mark for name, mark in marks.items()}
    (quantised / "special_tokens_map.json").write_text(json.dumps(named))


def _embedder(name: str, model: Path, threads: int) -> Any:
    if name == "fastembed":
        from fastembed import TextEmbedding

        known = "sentence-transformers/all-MiniLM-L6-v2"
        chosen = TextEmbedding(known, specific_model_path=str(_HOME / "int8"), threads=threads)
        return lambda texts: list(chosen.embed(texts))
    import torch
    from sentence_transformers import SentenceTransformer, models

    torch.set_num_threads(threads)
    body = models.Transformer(str(model), max_seq_length=LONGEST)
    pooling = models.Pooling(body.get_word_embedding_dimension(), "mean")
    whole = SentenceTransformer(modules=[body, pooling, models.Normalize()], device="cpu")
    return whole.encode


def _serve(name: str, model: Path, threads: int) -> None:
    import numpy as np

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the libraries print is no answer
    embed = _embedder(name, model, threads)
    for line in sys.stdin:
        asked = json.loads(line)
        began = time.perf_counter()
        vectors = embed(asked["texts"])
        seconds = time.perf_counter() - began
        if asked["save"]:
            np.save(asked["save"], np.array(vectors, np.float32))
        answers.write(json.dumps({"seconds": seconds}) + "\n")
        answers.flush()


if __name__ == "__main__":
    if len(sys.argv) == 1:
        install(Path(".secretariat/models/all-minilm-l6-v2").resolve())
    elif sys.argv[1] == "export":
        _export(Path(sys.argv[2]))
    else:
        _serve(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
