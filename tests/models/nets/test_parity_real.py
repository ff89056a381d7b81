"""SmolLM2's own weights: the compiled network computes what the torch network does, at once and token by token."""

import numpy as np
import pytest
import torch

from secretariat.models.kernels.library import library
from secretariat.models.nets.batch import Run, StepBatch
from secretariat.models.nets.checkpoint import open_checkpoint
from secretariat.models.nets.load import Backend, build_network, open_text
from secretariat.models.nets.memory import MemorySize
from secretariat.models.nets.network import Network
from tests.support.weights import CHAT, weights

pytestmark = [pytest.mark.weights, pytest.mark.skipif(library() is None, reason="no compiler")]
TEXT = "The supplier shall deliver within 30 days. Otherwise the contract ends; 日本語 too."
PAGES = np.array([3, 1, 2, 0], np.int32)


def network(backend: Backend) -> Network:
    made = build_network(open_checkpoint(weights(CHAT)), backend=backend, form="float32", threads=2)
    made.allocate(MemorySize(pages=len(PAGES), slots=0))
    return made


def logits(of: Network, tokens: list[int], start: int, count: int) -> torch.Tensor:
    wanted = np.arange(count, dtype=np.int32)
    piece = np.array(tokens[start : start + count], np.int32)
    return of.forward(StepBatch(piece, (Run(start, count, PAGES),), wanted)).clone()


def test_native_logits_are_torchs():
    checkpoint = open_checkpoint(weights(CHAT))
    tokens = open_text(checkpoint, weights(CHAT)).tokenizer.encode(TEXT)
    theirs = logits(network("torch"), tokens, 0, len(tokens))
    native = network("native")
    whole = logits(native, tokens, 0, len(tokens))
    assert (whole - theirs).abs().max() <= 1e-4 * theirs.abs().max()
    each = torch.cat([logits(native, tokens, at, 1) for at in range(len(tokens))])
    assert torch.equal(each, whole)
