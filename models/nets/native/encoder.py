"""An encoder that runs as compiled operations on the CPU: a text's vector has the same bits in any company.

Products are of groups of whole numbers, in a short text of 12 bits, else of eight, and so is attention where the
processor multiplies bytes; sums and norms are float32. In eight bits texts of a few tokens would be off by a
cosine of .998, since no others make up for one that is off; from some sixteen tokens on it is .999 and more. Each
thread takes texts through all layers by itself: between operations nobody waits for anybody, which on cores that
others use too would cost more than the work.
Knows nothing of tokenising.

Shape letters: N tokens of a step, R texts of it, B texts, T tokens of a text, E model width, V vocabulary.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Lock
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from secretariat.models.kernels.bidirectional.cpu import MOST_DIM, STRIP, add_bidirectional
from secretariat.models.kernels.library import Library, Program, Step
from secretariat.models.kernels.linear.blocks import GROUP
from secretariat.models.kernels.linear.cpu import add_linear
from secretariat.models.kernels.linear.packing import pack
from secretariat.models.kernels.post_norm.cpu import (
    Biased,
    LayerNorm,
    add_post_feed_forward,
    add_post_product,
)
from secretariat.models.kernels.text_vectors.cpu import add_text_rows, add_unit_vectors
from secretariat.models.kernels.u8_linear.cpu import add_u8_linear
from secretariat.models.kernels.u8_linear.packing import U8Packed, pack_u8
from secretariat.models.kernels.untouched import untouched
from secretariat.models.nets.config import EncoderConfig
from secretariat.models.nets.encoder import Floats, Halves, Rows
from secretariat.models.nets.network import Arithmetic
from secretariat.models.nets.weights import Source

Ids = npt.NDArray[np.int32]
Form = Literal["bfloat16", "u8"]

SHORT = 16  # tokens of a text
_SHORT_FORM: Form = "bfloat16"
_FORM: Form = "u8"
_STEP_TOKENS = 512  # enough rows for each panel of weights, few enough for them to stay near
_PORTIONS = 2  # of what is left, for each thread


def fits(config: EncoderConfig) -> bool:
    """Whether its widths are those that the operations work in."""
    dim = config.width // config.heads
    return dim <= MOST_DIM and not (config.width % GROUP or config.hidden % GROUP or dim % STRIP)


class NativeEncoder:
    """A TextNetwork. `weights` are read and packed when made; calls wait for each other."""

    def __init__(
        self, config: EncoderConfig, weights: Mapping[str, Source], library: Library, *, threads: int
    ) -> None:
        self.config = config
        self._threads = threads
        self.library = library
        self._turn = Lock()
        net = _Weights(config, weights)
        self._desks = [_Desk(net, library) for _ in range(threads)]
        self._helpers = ThreadPoolExecutor(max(1, threads - 1), thread_name_prefix="encoder")

    @property
    def arithmetic(self) -> Arithmetic:
        return Arithmetic(
            "native",
            self.library.isa.name,
            self._threads,
            f"{_SHORT_FORM}+{_FORM}",
            exact=True,
        )

    def vectors(self, rows: Rows) -> Floats:
        """Unit vectors [B, E] of rows of token ids, none empty and none longer than the model reads."""
        found = np.empty((len(rows), self.config.width), np.float32)

        def keep(desk: _Desk, indices: list[int], _starts: list[int]) -> None:
            found[indices] = desk.texts_RE[: len(indices)].numpy()

        self._read(rows, keep, tokens=False)
        return found

    def token_vectors(self, rows: Rows) -> list[Halves]:
        """Of each row its tokens' states as unit vectors [T, E], float16."""
        found: dict[int, Halves] = {}

        def keep(desk: _Desk, indices: list[int], starts: list[int]) -> None:
            for index, (first, last) in zip(indices, pairwise(starts), strict=True):
                found[index] = desk.tokens_NE[first:last].numpy().copy()

        self._read(rows, keep, tokens=True)
        return [found[index] for index in range(len(rows))]

    def _read(self, rows: Rows, keep: "_Keep", *, tokens: bool) -> None:
        """All rows through the network; after each step `keep` is told which they were and where they lie."""
        ids = [np.asarray(row, dtype=np.int32) for row in rows]
        for row in ids:
            assert 0 < len(row) <= self.config.longest, "a text that is empty or longer than the model reads"
            assert 0 <= row.min() <= row.max() < self.config.vocab, "a token that isn't in the vocabulary"
        portions = Portions([len(row) for row in ids], SHORT, _STEP_TOKENS, _PORTIONS * self._threads)

        def work(desk: _Desk) -> None:
            while indices := portions.take():
                form = _SHORT_FORM if len(ids[indices[0]]) <= SHORT else _FORM
                keep(desk, indices, desk.run([ids[index] for index in indices], form, tokens=tokens))

        with self._turn:
            helping = [self._helpers.submit(work, desk) for desk in self._desks[1 : len(ids)]]
            try:
                work(self._desks[0])
            finally:
                for helper in helping:
                    helper.result()


class _Desk:
    """What one thread works with: its programs, and the buffers in which operations hand on to each other."""

    def __init__(self, net: "_Weights", library: Library) -> None:
        config = net.config
        room = max(_STEP_TOKENS, config.longest)
        self.x_NE, self.mixed_NE, self.texts_RE = (untouched(room, config.width) for _ in range(3))
        self.qkv_NF = untouched(room, 3 * config.width)
        self.tokens_NE = torch.empty(room, config.width, dtype=torch.float16)
        self._programs = {
            (form, tokens): self._program(net, form, library, tokens=tokens)
            for form in net.layers
            for tokens in (False, True)
        }

    def run(self, rows: Sequence[Ids], form: Form, *, tokens: bool) -> list[int]:
        """Where each of the rows begins in the buffers, and where the last one ends."""
        starts = np.cumsum([0, *map(len, rows)], dtype=np.int32)
        ids = np.concatenate(rows)
        positions = np.concatenate([np.arange(len(row), dtype=np.int32) for row in rows])
        step = Step(tokens=len(ids), runs=len(rows), exact=1)
        step.ids, step.positions, step.starts = (array.ctypes.data for array in (ids, positions, starts))
        self._programs[form, tokens].run(step)
        return list(starts.tolist())

    def _program(self, net: "_Weights", form: Form, library: Library, *, tokens: bool) -> Program:
        program, config = Program(library, threads=1), net.config
        add_text_rows(program, net.words_VE, net.positions_TE, self.x_NE, net.norm)
        for layer in net.layers[form]:
            _add_product(program, layer.qkv, self.x_NE, self.qkv_NF)
            add_bidirectional(program, self.qkv_NF, self.mixed_NE, heads=config.heads, most=config.longest)
            add_post_product(program, layer.out, self.mixed_NE, self.x_NE, layer.mixer_norm)
            add_post_feed_forward(program, layer.up, layer.down, self.x_NE, layer.feed_forward_norm)
        add_unit_vectors(program, self.x_NE, self.texts_RE, self.tokens_NE if tokens else None)
        return program


def _add_product(program: Program, by: Biased, x_NI: Tensor, y_NO: Tensor) -> None:
    if isinstance(by.weight, U8Packed):
        add_u8_linear(program, by.weight, by.bias_O, x_NI, y_NO)
    else:
        add_linear(program, by.weight, x_NI, y_NO, bias=by.bias_O)


_Keep = Callable[[_Desk, list[int], list[int]], None]


class _Weights:
    """A checkpoint's numbers as the operations read them; `positions_TE` with what every token's type adds."""

    def __init__(self, config: EncoderConfig, sources: Mapping[str, Source]) -> None:
        self.config = config
        self._sources = sources
        self.words_VE = self._vector("words.weight")
        first = config.first_position
        self.positions_TE = self._vector("positions.weight")[first : first + config.longest].clone()
        if config.token_types:
            self.positions_TE += self._vector("token_types.weight")[0]
        self.norm = self._layer_norm("norm")
        self.layers: Mapping[Form, list[_Layer]] = {
            form: [self._layer(index, form) for index in range(config.layers)]
            for form in (_SHORT_FORM, _FORM)
        }
        self._sources = {}

    def _layer(self, index: int, form: Form) -> "_Layer":
        at = f"layers.{index}."
        qkv, out, up, down = (self._biased(at + name, form) for name in ("qkv", "out", "up", "down"))
        mixer_norm, feed_forward_norm = (
            self._layer_norm(at + name) for name in ("mixer_norm", "feed_forward_norm")
        )
        return _Layer(qkv, out, up, down, mixer_norm, feed_forward_norm)

    def _biased(self, name: str, form: Form) -> Biased:
        source = self._sources[f"{name}.weight"]
        weight = pack_u8(source.floats()) if form == "u8" else pack(source, form)
        return Biased(weight, self._vector(f"{name}.bias"))

    def _layer_norm(self, name: str) -> LayerNorm:
        weight_E, bias_E = (self._vector(f"{name}.{part}") for part in ("weight", "bias"))
        return LayerNorm(weight_E, bias_E, self.config.norm_eps)

    def _vector(self, name: str) -> Tensor:
        return torch.from_numpy(self._sources[name].floats())


class _Layer:
    def __init__(
        self, qkv: Biased, out: Biased, up: Biased, down: Biased, mixer: LayerNorm, feed_forward: LayerNorm
    ) -> None:
        self.qkv, self.out, self.up, self.down = qkv, out, up, down
        self.mixer_norm, self.feed_forward_norm = mixer, feed_forward


class Portions:
    """Texts that are yet to be read, the longest first. Whoever is free takes some, the fewer the fewer are left:
    so all end at about the same time, however much of its core each of them has. Texts of at most `short` tokens
    come by themselves."""

    def __init__(self, lengths: Sequence[int], short: int, most: int, parts: int) -> None:
        self._lengths = lengths
        self._short = short
        self._most = most
        self._parts = parts
        self._waiting = sorted(range(len(lengths)), key=lengths.__getitem__)
        self._left = sum(lengths)
        self._turn = Lock()

    def take(self) -> list[int]:
        """Indices of texts of at most `most` tokens together, or of one text; none when none is left."""
        with self._turn:
            room = min(self._most, self._left // self._parts)
            taken: list[int] = []
            while self._waiting and (not taken or self._goes_with(taken[0], self._waiting[-1], room)):
                index = self._waiting.pop()
                taken.append(index)
                room -= self._lengths[index]
                self._left -= self._lengths[index]
            return taken

    def _goes_with(self, first: int, index: int, room: int) -> bool:
        lengths = self._lengths
        return lengths[index] <= room and (lengths[index] <= self._short) == (lengths[first] <= self._short)
