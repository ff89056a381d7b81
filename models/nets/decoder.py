"""The decoder in torch: embedding, layers of mixers and feed-forwards, final norm, head; and it as a Network.

The reference for every compiled backend, the fallback without a compiler, and the network of any other device.
Knows nothing of requests beyond the runs of a step, and nothing of sampling.

Shape letters: N tokens, M rows whose logits are wanted, E model width, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from secretariat.models.nets.adapters import AdapterPlan
from secretariat.models.nets.batch import StepBatch
from secretariat.models.nets.config import (
    AttentionSpec,
    DecoderConfig,
    FeedForwardSpec,
    LayerSpec,
    LowRankMoeSpec,
    Mamba1Spec,
    Mamba2Spec,
    MixerSpec,
    MlpSpec,
    MoeSpec,
    RopeSpec,
)
from secretariat.models.nets.feedforward.low_rank_moe import LowRankMoe
from secretariat.models.nets.feedforward.mlp import Mlp
from secretariat.models.nets.feedforward.moe import Moe
from secretariat.models.nets.memory import Memory, MemorySize
from secretariat.models.nets.mixers.attention import Attention
from secretariat.models.nets.mixers.mamba1 import Mamba1
from secretariat.models.nets.mixers.mamba2 import Mamba2
from secretariat.models.nets.mixers.step import Step
from secretariat.models.nets.network import Arithmetic, Commit
from secretariat.models.nets.norm import Norm, wide
from secretariat.models.nets.rotary import Rotation, inverse_frequencies, rotation
from secretariat.models.nets.table import table
from secretariat.models.nets.torch_adapters import TorchAdapters


class DecoderLayer(nn.Module):
    """`norm` before the mixers, or before both in parallel; `feed_forward_norm` only between the two."""

    def __init__(self, width: int, spec: LayerSpec, mixers: Sequence[nn.Module]) -> None:
        super().__init__()
        self.spec = spec
        self.parallel = spec.order == "parallel"
        if mixers or self.parallel:
            self.norm = Norm(spec.norm, width)
        self.mixers = nn.ModuleList(mixers)
        if spec.feed_forward is not None:
            self.feed_forward = _feed_forward(width, spec.feed_forward)
            if not self.parallel:
                self.feed_forward_norm = Norm(spec.norm, width)

    def forward(self, x_NE: Tensor, step: Step) -> Tensor:
        spec = self.spec
        has_feed_forward = spec.feed_forward is not None
        if self.parallel:
            normed_NE = self.norm(x_NE)
            if has_feed_forward:
                x_NE = x_NE + spec.residual * self.feed_forward(normed_NE)
            return self._mixed(x_NE, normed_NE, step)
        if self.mixers:
            x_NE = self._mixed(x_NE, self.norm(x_NE), step)
        if has_feed_forward:
            x_NE = x_NE + spec.residual * self.feed_forward(self.feed_forward_norm(x_NE))
        return x_NE

    def _mixed(self, x_NE: Tensor, normed_NE: Tensor, step: Step) -> Tensor:
        for index, mixer in enumerate(self.mixers):
            scale, into = self.spec.mixer_scale(index), self.spec.mixer_input(index)
            x_NE = x_NE + self.spec.residual * scale * mixer(
                normed_NE if into == 1.0 else into * normed_NE, step
            )
        return x_NE


class Decoder(nn.Module):
    """Build on the meta device and fill with `load_state_dict(…, assign=True)`; weights are never trained.

    The residual is kept in float32 or wider whatever the weights are.
    """

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = table(config.vocab, config.width)
        self.layers = nn.ModuleList(_layers(config))
        self.norm = Norm(config.norm, config.width)
        self.head = nn.Linear(config.width, config.vocab, bias=False)
        ropes = {spec.rope for _, _, spec in config.attentions() if spec.rope is not None}
        self._frequencies = {rope: inverse_frequencies(rope, config.context_length) for rope in ropes}
        self.requires_grad_(requires_grad=False)

    @property
    def dtype(self) -> torch.dtype:
        return self.embedding.weight.dtype

    @property
    def device(self) -> torch.device:
        return self.embedding.weight.device

    def rotations(self, positions_N: Tensor) -> dict[RopeSpec, Rotation]:
        """Of every kind that some attention turns by."""
        return {rope: rotation(positions_N, by, self.dtype) for rope, by in self._frequencies.items()}

    def forward(self, step: Step) -> Tensor:
        """Logits [M, V], float32 or wider. Writes keys, values and states to the memory of `step`."""
        config = self.config
        step.rotations.update(self.rotations(step.positions_N))
        x_NE = self.embedding(step.tokens_N).to(wide(self.dtype)) * config.embedding_scale
        for layer in self.layers:
            x_NE = layer(x_NE, step)
        logits_MV: Tensor = self.head(self.norm(x_NE[step.logits_M])).to(x_NE.dtype) * config.logits_scale
        if config.logits_cap is not None:
            logits_MV = config.logits_cap * torch.tanh(logits_MV / config.logits_cap)
        return logits_MV


def _layers(config: DecoderConfig) -> list[DecoderLayer]:
    attentions = {place[:2]: index for index, place in enumerate(config.attentions())}
    indices = attentions | {place[:2]: index for index, place in enumerate(config.recurrences())}
    return [
        DecoderLayer(
            config.width,
            spec,
            [_mixer(config.width, mixer, indices[number, at]) for at, mixer in enumerate(spec.mixers)],
        )
        for number, spec in enumerate(config.layers)
    ]


def _mixer(width: int, spec: MixerSpec, index: int) -> nn.Module:
    match spec:
        case AttentionSpec():
            return Attention(width, spec, index)
        case Mamba1Spec():
            return Mamba1(width, spec, index)
        case Mamba2Spec():
            return Mamba2(width, spec, index)


def _feed_forward(width: int, spec: FeedForwardSpec) -> nn.Module:
    match spec:
        case MlpSpec():
            return Mlp(width, spec)
        case MoeSpec():
            return Moe(width, spec)
        case LowRankMoeSpec():
            return LowRankMoe(width, spec)


class TorchNetwork:
    """A Network whose arithmetic is torch's: equal to itself up to rounding, not bit for bit.

    `adapters`: what to make room for; the rows are then set through the attribute of that name.
    """

    def __init__(
        self, decoder: Decoder, *, step_tokens: int = 256, adapters: AdapterPlan | None = None
    ) -> None:
        self.decoder = decoder.eval()
        self.step_tokens = step_tokens
        self.adapters = None if adapters is None else TorchAdapters(self.decoder, adapters)
        self._memory: Memory | None = None
        self._last: Step | None = None

    @property
    def config(self) -> DecoderConfig:
        return self.decoder.config

    @property
    def memory(self) -> Memory:
        assert self._memory is not None, "allocate first"
        return self._memory

    @property
    def arithmetic(self) -> Arithmetic:
        device = self.decoder.device
        return Arithmetic(
            backend="torch",
            isa=torch.backends.cpu.get_cpu_capability() if device.type == "cpu" else str(device),
            threads=torch.get_num_threads(),
            weights=str(self.decoder.dtype).removeprefix("torch."),
            exact=False,
        )

    def allocate(self, size: MemorySize) -> None:
        assert self._memory is None
        size = replace(size, run=self.step_tokens)
        self._memory = Memory(self.config, size, str(self.decoder.device))

    @torch.inference_mode()
    def forward(self, batch: StepBatch) -> Tensor:
        self._check(batch)
        self._last = Step.of(batch, self.memory)
        if self.adapters is not None:
            rows_N = np.repeat([run.adapter for run in batch.runs], [run.count for run in batch.runs])
            self.adapters.rows_N = torch.from_numpy(rows_N).to(self.decoder.device)
        logits_MV: Tensor = self.decoder(self._last)
        return logits_MV.float().cpu()

    def _check(self, batch: StepBatch) -> None:
        assert len(batch.tokens_N) <= self.step_tokens
        assert self.adapters is not None or not any(run.adapter for run in batch.runs), "no adapters"
        assert all(run.count <= self.memory.size.held for run in batch.runs if run.held)
        if self.config.has_state:
            slots = [run.slot for run in batch.runs if run.slot]
            assert len(set(slots)) == len(slots), "two runs of one state"
            assert all(run.start == 0 for run in batch.runs if not run.slot), "a past without a slot"
        assert self.memory.ring is None or all(run.slot for run in batch.runs), "a window without a slot"

    @torch.inference_mode()
    def commit(self, commits: Sequence[Commit]) -> None:
        wanted = {commit.slot: commit.tokens for commit in commits if commit.tokens}
        if not (wanted and self.config.has_state):
            return
        held = [] if self._last is None else self._last.held
        longest = {run.slot: run.count for one in held for run in one.group.runs}
        assert all(tokens <= longest.get(slot, 0) for slot, tokens in wanted.items()), "was not held"
        for one in held:
            for index, run in enumerate(one.group.runs):
                if tokens := wanted.get(run.slot):
                    inputs_1TU = one.inputs_BTU[index : index + 1, :tokens]
                    one.advance(inputs_1TU, one.group.only(index), self.memory)
        self._last = None
