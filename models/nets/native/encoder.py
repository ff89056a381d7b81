"""An encoder that runs as compiled operations on the CPU: a text's vector has the same bits in any company.

Queries, keys and values come of whole numbers of 12 bits, the other products of groups of eight bits; sums, norms
and attention are float32. In eight bits alone the empty text's vector would be off by a cosine of .998: of all
products those of queries and keys lose most. Knows nothing of tokenising.

Shape letters: N tokens of a step, R texts of it, B texts, T tokens of a text, E model width, V vocabulary.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from threading import Lock
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor

from secretariat.models.kernels.bidirectional.cpu import STRIP, add_bidirectional
from secretariat.models.kernels.library import Library, Program, Step
from secretariat.models.kernels.linear.blocks import GROUP
from secretariat.models.kernels.linear.cpu import add_linear
from secretariat.models.kernels.linear.packing import Form, pack
from secretariat.models.kernels.post_norm.cpu import (
    Biased,
    LayerNorm,
    add_post_feed_forward,
    add_post_product,
)
from secretariat.models.kernels.text_vectors.cpu import add_text_rows, add_unit_vectors
from secretariat.models.nets.config import EncoderConfig
from secretariat.models.nets.encoder import Floats, Halves, Rows
from secretariat.models.nets.memory import untouched
from secretariat.models.nets.network import Arithmetic
from secretariat.models.nets.weights import Source

_FORMS: Mapping[str, Form] = MappingProxyType({"qkv": "bfloat16", "out": "q8", "up": "q8", "down": "q8"})
_STEP_TOKENS = 1024  # enough to share among threads, few enough for what lies between operations to stay near


def fits(config: EncoderConfig) -> bool:
    """Whether its widths are those that the operations work in."""
    return not (config.width % GROUP or config.hidden % GROUP or config.width // config.heads % STRIP)


class NativeEncoder:
    """A TextNetwork. `weights` are read and packed when made; calls wait for each other."""

    def __init__(
        self, config: EncoderConfig, weights: Mapping[str, Source], library: Library, *, threads: int
    ) -> None:
        self.config = config
        self._weights = weights
        self._threads = threads
        self._library = library
        self._turn = Lock()
        self._room = max(_STEP_TOKENS, config.longest)
        self._buffers = _Buffers(config, self._room)
        self._layers = [self._layer(index) for index in range(config.layers)]
        self._words_VE, self._positions_TE = self._tables()
        self._norm = self._layer_norm("norm")
        self._texts, self._tokens = self._program(None), self._program(self._buffers.tokens_NE)
        self._weights = {}

    @property
    def arithmetic(self) -> Arithmetic:
        return Arithmetic(
            "native",
            self._library.isa.name,
            self._threads,
            "+".join(sorted(set(_FORMS.values()))),
            exact=True,
        )

    def vectors(self, rows: Rows) -> Floats:
        """Unit vectors [B, E] of rows of token ids, none empty and none longer than the model reads."""
        found = np.empty((len(rows), self.config.width), np.float32)
        with self._turn:
            for indices, _ in self._steps(rows, self._texts):
                found[indices] = self._buffers.texts_RE[: len(indices)].numpy()
        return found

    def token_vectors(self, rows: Rows) -> list[Halves]:
        """Of each row its tokens' states as unit vectors [T, E], float16."""
        found: dict[int, Halves] = {}
        with self._turn:
            for indices, starts in self._steps(rows, self._tokens):
                for index, (first, last) in zip(indices, pairwise(starts), strict=True):
                    found[index] = self._buffers.tokens_NE[first:last].numpy().copy()
        return [found[index] for index in range(len(rows))]

    def _steps(self, rows: Rows, program: Program) -> Iterator[tuple[list[int], list[int]]]:
        """Runs the rows through `program`, and yields after each step which they were and where they lie."""
        lengths = [len(row) for row in rows]
        assert all(0 < length <= self.config.longest for length in lengths)
        for indices in filled(lengths, self._room):
            starts = np.cumsum([0, *(lengths[index] for index in indices)], dtype=np.int32)
            ids = np.concatenate([np.asarray(rows[index], dtype=np.int32) for index in indices])
            positions = np.concatenate([np.arange(lengths[index], dtype=np.int32) for index in indices])
            assert 0 <= ids.min() <= ids.max() < self.config.vocab, "a token that isn't in the vocabulary"
            step = Step(tokens=len(ids), runs=len(indices), exact=1)
            step.ids, step.positions, step.starts = (array.ctypes.data for array in (ids, positions, starts))
            program.run(step)
            yield indices, starts.tolist()

    def _program(self, tokens_NE: Tensor | None) -> Program:
        program, to = Program(self._library, self._threads), self._buffers
        add_text_rows(program, self._words_VE, self._positions_TE, to.x_NE, self._norm)
        for layer in self._layers:
            add_linear(program, layer.qkv.weight, to.x_NE, to.qkv_NF, bias=layer.qkv.bias_O)
            add_bidirectional(
                program, to.qkv_NF, to.mixed_NE, heads=self.config.heads, most=self.config.longest
            )
            add_post_product(program, layer.out, to.mixed_NE, to.x_NE, layer.mixer_norm)
            add_post_feed_forward(program, layer.up, layer.down, to.x_NE, layer.feed_forward_norm)
        add_unit_vectors(program, to.x_NE, to.texts_RE, tokens_NE)
        return program

    def _layer(self, index: int) -> "_Layer":
        at = f"layers.{index}."
        qkv, out, up, down = (self._biased(at + name, form) for name, form in _FORMS.items())
        mixer_norm, feed_forward_norm = (
            self._layer_norm(at + name) for name in ("mixer_norm", "feed_forward_norm")
        )
        return _Layer(qkv, out, up, down, mixer_norm, feed_forward_norm)

    def _tables(self) -> tuple[Tensor, Tensor]:
        """Of words, and of positions with what every token's type adds."""
        first = self.config.first_position
        positions_TE = self._vector("positions.weight")[first : first + self.config.longest].clone()
        if self.config.token_types:
            positions_TE += self._vector("token_types.weight")[0]
        return self._vector("words.weight"), positions_TE

    def _biased(self, name: str, form: Form) -> Biased:
        return Biased(pack(self._weights[f"{name}.weight"], form), self._vector(f"{name}.bias"))

    def _layer_norm(self, name: str) -> LayerNorm:
        weight_E, bias_E = (self._vector(f"{name}.{part}") for part in ("weight", "bias"))
        return LayerNorm(weight_E, bias_E, self.config.norm_eps)

    def _vector(self, name: str) -> Tensor:
        return torch.from_numpy(self._weights[name].floats())


class _Layer:
    def __init__(
        self, qkv: Biased, out: Biased, up: Biased, down: Biased, mixer: LayerNorm, feed_forward: LayerNorm
    ) -> None:
        self.qkv, self.out, self.up, self.down = qkv, out, up, down
        self.mixer_norm, self.feed_forward_norm = mixer, feed_forward


class _Buffers:
    """What a step's operations hand on to each other."""

    def __init__(self, config: EncoderConfig, tokens: int) -> None:
        self.x_NE, self.mixed_NE, self.texts_RE = (untouched(tokens, config.width) for _ in range(3))
        self.qkv_NF = untouched(tokens, 3 * config.width)
        self.tokens_NE = torch.empty(tokens, config.width, dtype=torch.float16)


def filled(lengths: Sequence[int], room: int) -> list[list[int]]:
    """Indices in steps of at most `room` tokens, shortest first: a step's texts are then alike."""
    steps: list[list[int]] = []
    left = 0
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        if lengths[index] > left:
            steps.append([])
            left = room
        steps[-1].append(index)
        left -= lengths[index]
    return steps
