"""A process that fills a model's memory and says what it took at most: `peak.py DIRECTORY CONTEXT`."""

import sys
from pathlib import Path

import numpy as np
import torch

from secretariat.models.nets.batch import Run, StepBatch
from secretariat.models.nets.checkpoint import open_checkpoint
from secretariat.models.nets.load import build_network
from secretariat.models.nets.memory import MemorySize
from secretariat.models.nets.state import PAGE_SIZE


def main(directory: Path, context: int) -> None:
    network = build_network(open_checkpoint(directory), threads=2)
    pages = -(-context // PAGE_SIZE)
    network.allocate(MemorySize(pages=pages, slots=1, kv_dtype=torch.bfloat16))  # as the server does
    for tensor in (*network.memory.keys, *network.memory.values):
        tensor.fill_(0.5)
    count = network.step_tokens
    run = Run(context - count, count, np.arange(pages, dtype=np.int32), slot=1)
    everything = np.arange(count, dtype=np.int32)
    network.forward(StepBatch(everything, (run,), everything))
    print(peak_bytes())


def peak_bytes() -> int:
    """Of this program alone: `getrusage` would count the process that started it, too."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) * 1024


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
