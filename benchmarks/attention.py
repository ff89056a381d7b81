"""One token's attention over 65,536 tokens of past, heads of 128, against torch's own.

32 query heads over 8 key heads. Both read bfloat16 keys and values; torch's lie in one run, ours in pages.
"""

import time
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F

from benchmarks.ours import THREADS
from benchmarks.report import Figure
from benchmarks.rounds import alternate
from secretariat.models.kernels.attention.cpu import add_attention
from secretariat.models.kernels.library import Program, Step, library

LENGTH, HEADS, KV_HEADS, DIM = 65536, 32, 8, 128
_REPEATS = 5


def attention_figure() -> Figure:
    rounds = alternate(5, {"ours": _ours(), "torch": _torch()})
    reference = f"torch SDPA {1e3 / rounds.rate('torch'):.0f} ms, ours {1e3 / rounds.rate('ours'):.1f} ms"
    return Figure(
        "decode attention, 64K tokens, D=128", rounds.ratio("ours", "torch"), 11, reference=reference
    )


def _torch() -> Callable[[], float]:
    q, k, v = (
        torch.randn(1, h, n, DIM, dtype=torch.bfloat16)
        for h, n in ((HEADS, 1), (KV_HEADS, LENGTH), (KV_HEADS, LENGTH))
    )

    def measure() -> float:
        return _rate(lambda: F.scaled_dot_product_attention(q, k, v, enable_gqa=True))

    return measure


def _rate(call: Callable[[], object]) -> float:
    times = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return 1 / min(times)


def _ours() -> Callable[[], float]:
    compiled = library()
    assert compiled is not None, "install g++: the compiled operations are what is measured"
    pages = LENGTH // 16
    keys = torch.randn(pages, KV_HEADS, DIM // 2, 16, 2).bfloat16()
    values = torch.randn(pages, KV_HEADS, 8, DIM, 2).bfloat16()
    qkv_NF, out_NF = torch.randn(1, (HEADS + 2 * KV_HEADS) * DIM), torch.zeros(1, HEADS * DIM)
    program = Program(compiled, THREADS)
    add_attention(program, qkv_NF, out_NF, keys, values, scale=DIM**-0.5)
    arrays = {
        "positions": [LENGTH - 1], "run_of": [0], "starts": [0, 1], "begins": [LENGTH - 1], "ids": [0],
        "page_starts": [0, pages], "slots": [0], "held": [0], "adapters": [0],
    }  # fmt: skip
    kept = {name: np.array(numbers, np.int32) for name, numbers in arrays.items()}
    order = np.random.default_rng(0).permutation(pages).astype(np.int32)
    kept["pages"] = order
    step = Step(tokens=1, runs=1, exact=1, **{name: array.ctypes.data for name, array in kept.items()})

    def measure() -> float:
        assert len(kept) == len(arrays) + 1, "the step's arrays live as long as this"
        return _rate(lambda: program.run(step))

    return measure
