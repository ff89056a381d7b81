"""`make bench-longcontext`: a prompt of 262,144 tokens through a hybrid of the Granite-4.0-H-350M shape.

Takes up to an hour. The child process that does it is measured from outside: its memory is the peak that the
kernel saw. The rate of attention at 64K tokens is taken from the attention layers' own share of a step there,
against torch's bfloat16 matrix product on the same threads in the same run.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks import ours
from benchmarks.report import Figure, Report, proven
from benchmarks.shapes import checkpoint, dense_350m
from secretariat.models.kernels.attention.cpu import add_attention
from secretariat.models.kernels.library import Program, Step, library
from secretariat.models.nets.batch import Run, StepBatch
from secretariat.models.nets.memory import MemorySize
from secretariat.models.nets.state import PAGE_SIZE, kv_bytes_per_token, state_bytes

SHAPE = "granite-h-350m-shape"
LENGTH, CHUNK = 262_144, 512
_HEADS, _KV_HEADS, _DIM = 12, 4, 64
_AT = 65_536


@dataclass(frozen=True, slots=True)
class Prefilled:
    seconds: float
    peak_rss_gb: float
    rates: dict[int, float]


def main() -> int:
    if "--child" in sys.argv:
        print(json.dumps(asdict(prefill())))
        return 0
    torch.set_num_threads(ours.THREADS)
    proven("tests/models/kernels/test_attention.py", "tests/models/kernels/test_ssd.py")
    report = Report("longcontext")
    report.add(
        Figure("KV and state against the dense model's, 262,144 tokens", _memory(), 1 / 7, "", least=False)
    )
    report.add(Figure("attention at 64K against the bfloat16 GEMM rate", 100 * _attention_share(), 50, "%"))
    checkpoint(SHAPE)
    command = [sys.executable, "-m", "benchmarks.longcontext", "--child"]
    found = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout)
    report.note("tokens a second by position", found["rates"])
    report.add(Figure("a prompt of 262,144 tokens: time", found["seconds"] / 60, 60, "min", least=False))
    report.add(Figure("a prompt of 262,144 tokens: peak memory", found["peak_rss_gb"], 4, "GB", least=False))
    return report.close()


def _memory() -> float:
    net = ours.network(checkpoint(SHAPE), "bfloat16")
    hybrid = kv_bytes_per_token(net.config, 2) * LENGTH + state_bytes(net.config)
    dense = dense_350m()
    each = 2 * dense.num_key_value_heads * (dense.hidden_size // dense.num_attention_heads) * 2
    return hybrid / (dense.num_hidden_layers * each * LENGTH)


def _attention_share() -> float:
    """Flops a second of one layer's attention for a piece of prompt at 64K, over torch's bfloat16 GEMM."""
    best_attention, best_gemm = 0.0, 0.0
    attend = _piece_at(_AT)
    a, b = torch.randn(2048, 2048).bfloat16(), torch.randn(2048, 2048).bfloat16()
    for _ in range(5):
        began = time.perf_counter()
        torch.mm(a, b)
        best_gemm = max(best_gemm, 2 * 2048**3 / (time.perf_counter() - began))
        began = time.perf_counter()
        attend()
        flops = 4 * CHUNK * (_AT + CHUNK / 2) * _HEADS * _DIM
        best_attention = max(best_attention, flops / (time.perf_counter() - began))
    return best_attention / best_gemm


def _piece_at(position: int) -> Callable[[], None]:
    compiled = library()
    assert compiled is not None
    pages = (position + CHUNK) // PAGE_SIZE
    keys = torch.randn(pages, _KV_HEADS, _DIM // 2, PAGE_SIZE, 2).bfloat16()
    values = torch.randn(pages, _KV_HEADS, PAGE_SIZE // 2, _DIM, 2).bfloat16()
    qkv_NF, out_NF = torch.randn(CHUNK, (_HEADS + 2 * _KV_HEADS) * _DIM), torch.zeros(CHUNK, _HEADS * _DIM)
    program = Program(compiled, ours.THREADS)
    add_attention(program, qkv_NF, out_NF, keys, values, scale=_DIM**-0.5)
    arrays = {
        "positions": np.arange(position, position + CHUNK), "run_of": np.zeros(CHUNK), "starts": [0, CHUNK],
        "begins": [position], "page_starts": [0, pages], "pages": np.arange(pages), "slots": [0], "held": [0],
        "adapters": [0], "ids": np.zeros(CHUNK),
    }  # fmt: skip
    kept = {name: np.asarray(numbers, np.int32) for name, numbers in arrays.items()}
    step = Step(tokens=CHUNK, runs=1, exact=1, **{name: array.ctypes.data for name, array in kept.items()})

    def run() -> None:
        assert kept
        program.run(step)

    return run


def prefill() -> Prefilled:
    """In a process of its own, so that its peak is the prompt's."""
    torch.set_num_threads(ours.THREADS)
    net = ours.network(Path(checkpoint(SHAPE)), "bfloat16", step_tokens=CHUNK)
    net.allocate(MemorySize(LENGTH // PAGE_SIZE, 1, torch.bfloat16))
    pages = np.arange(LENGTH // PAGE_SIZE, dtype=np.int32)
    tokens = np.random.default_rng(4).integers(3, 60000, LENGTH).astype(np.int32)
    rates: dict[int, float] = {}
    began = time.perf_counter()
    for start in range(0, LENGTH, CHUNK):
        step_began = time.perf_counter()
        run = Run(start, CHUNK, pages, 1)
        net.forward(StepBatch(tokens[start : start + CHUNK], (run,), np.array([CHUNK - 1], np.int32)))
        if start % 32768 == 0:
            rates[start] = round(CHUNK / (time.perf_counter() - step_began), 1)
            print(f"{start} tokens: {rates[start]} a second", file=sys.stderr, flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    return Prefilled(time.perf_counter() - began, peak, rates)


if __name__ == "__main__":
    sys.exit(main())
