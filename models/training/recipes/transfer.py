"""Attention transfer: layers of a dense network learn to do with a window, the sinks and a recurrent branch.

Three stages, each a job of its own. "windows": what each layer's window alone costs, so that the dearest can stay
whole. "layers": each branch learns what its layer's window leaves out of the whole attention's answer, all layers
in one pass, nothing going back through the stack (arXiv:2410.10254). "whole": all of it together predicts the
text, with low-rank pairs on all matrices; a teacher's predictions can be targets too, and branches can learn alone
first, before others take over what they would be good for. Without hybrid layers that is the dense twin, trained
alike.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from secretariat.models.nets.checkpoint import open_checkpoint
from secretariat.models.nets.decoder import Decoder, DecoderLayer
from secretariat.models.training.data.contamination import Guard, refuse_overlaps, texts_below
from secretariat.models.training.data.texts import training_documents
from secretariat.models.training.examples import Text
from secretariat.models.training.forward import embedded, hidden, layer, mixed
from secretariat.models.training.hybrids import HybridPart, Ranks, Shape, change_into, made_hybrid
from secretariat.models.training.job import RESULT, Job, invalid
from secretariat.models.training.learnt import Learnt
from secretariat.models.training.loss import Teaching, log_probs
from secretariat.models.training.model import Opened, open_model
from secretariat.models.training.packing import Order, Rows, rows_of
from secretariat.models.training.passage import Passage
from secretariat.models.training.recipes.sft import Supervised
from secretariat.models.training.run import HELD_OUT, Measured, Run
from secretariat.models.training.state import write_whole

FAR = 512  # positions from here on have seen more than a window
COSTS = "windows.json"
_STAGES = ("windows", "layers", "whole")
_WHOLE_NUMBERS = ("window", "sinks", "branch_rank", "held_out_rows", "keep", "branches_first")
_MAY_BE_NONE = ("sinks", "branches_first")


@dataclass(frozen=True, kw_only=True)
class Own:
    """The job's own keys. `held_out_rows` and, for "windows", as many training rows are measured. `keep`: layers
    that stay whole. `teacher`: a folder of changes of the same base, whose predictions are `taught` of all
    targets, a share. `branches_first`: steps in which branches alone learn."""

    stage: str
    hybrid_layers: tuple[int, ...] = ()
    window: int = 256
    sinks: int = 4
    gate: str = "none"
    branch_rank: int = 64
    held_out_rows: int = 8
    keep: int = 6
    teacher: str | None = None
    taught: float = 0.5
    branches_first: int = 0

    @staticmethod
    def of(values: Mapping[str, Any]) -> "Own":
        """Raises ModelError("training_invalid") naming the key."""
        if values.get("stage") not in _STAGES:
            raise invalid("stage", f"is none of {', '.join(_STAGES)}")
        if unknown := values.keys() - Own.__dataclass_fields__.keys():
            raise invalid(min(unknown), "isn't known")
        for name in _WHOLE_NUMBERS:
            if not isinstance(values.get(name, 1), int) or values.get(name, 1) < (name not in _MAY_BE_NONE):
                raise invalid(name, "is no number of at least 1")
        if not isinstance(layers := values.get("hybrid_layers", []), list):
            raise invalid("hybrid_layers", "is no list")
        taught = values.get("taught", 0.5)
        if not isinstance(taught, int | float) or not 0 <= taught <= 1:
            raise invalid("taught", "is no share of 0 to 1")
        return Own(**{**values, "hybrid_layers": tuple(layers)})


def main(job: Job, folder: Path) -> bool:
    """False where it was stopped on the way. Raises ModelError."""
    own = Own.of(job.own)
    if job.learn.kind != "lora":
        raise invalid("learn.kind", "is not lora: a hybrid is stored as low-rank pairs over its base")
    opened = open_model(job)
    texts, held_out = _texts(job, own, opened)
    dense, checkpoint = opened.decoder, open_checkpoint(opened.directory)
    count = len(dense.config.layers)
    chosen = tuple(range(count)) if own.stage == "windows" else own.hybrid_layers
    shape = Shape(layers=chosen, window=own.window, sinks=own.sinks, gate=own.gate)
    decoder = made_hybrid(dense, checkpoint, shape)
    if opened.eight_bits is not None:
        opened.eight_bits.into(decoder)
    if own.stage == "windows":
        some = texts[:: -(-len(texts) // own.held_out_rows)]
        costs = window_costs(dense, decoder, [rows_of([text]) for text in some])
        _write_costs(folder, costs, own)
        return True
    if own.stage == "layers" and not chosen:
        raise invalid("hybrid_layers", "names no layer whose branch could learn")
    ranks = Ranks(branch=own.branch_rank, network=job.learn.rank if own.stage == "whole" else 0)
    start = None if job.learn.start is None else Path(job.learn.start)
    part = HybridPart(decoder, checkpoint, opened.directory, shape, ranks, seed=job.seed, start=start)
    learnt = Learnt([part])
    facts = {"examples": len(texts), "held_out_examples": len(held_out), "stage": own.stage}
    if own.stage == "layers":
        return Run(job, folder, learnt, Layers(dense, decoder, job, texts, held_out)).go(facts)
    whole = Whole(decoder, part, job, texts, held_out, branches_first=own.branches_first)
    if own.teacher is not None:
        change_into(dense, checkpoint, opened.directory, Path(own.teacher))
        whole.learn_from(dense, own.taught)
    return Run(job, folder, learnt, whole).go(facts)


def _texts(job: Job, own: Own, opened: Opened) -> tuple[list[Text], list[Text]]:
    """To train on, and some to measure, of `row_tokens` each."""
    tokenizer = opened.chat.tokenizer
    kept, held_out = training_documents([Path(path) for path in job.data], tokenizer.encode, job.row_tokens)
    if not kept or not held_out:
        raise invalid("data", f"has too few documents of {job.row_tokens} tokens")
    if job.guard:  # whoever starts the run looks at records alone: here are packages
        guard = Guard(texts_below(map(Path, job.guard)))
        refuse_overlaps(guard, ((document.id, [tokenizer.decode(document.tokens)]) for document in kept))
    some = held_out[:: -(-len(held_out) // own.held_out_rows)]
    return [Text(one.tokens, one.id) for one in kept], [Text(one.tokens, one.id) for one in some]


@torch.no_grad()
def window_costs(dense: Decoder, windowed: Decoder, parts: Sequence[Rows]) -> list[float]:
    """By layer: how much the loss beyond FAR rises, in nats, where that layer alone has its window."""
    costs = [0.0] * len(dense.layers)
    for rows in parts:
        passage = Passage.of(dense, rows)
        inputs = [embedded(dense, rows)]
        for one in dense.layers:
            inputs.append(layer(_layer(one), inputs[-1], passage))
        whole = far_loss(dense, dense.norm(inputs[-1]), rows)
        for number in range(len(costs)):
            x_BTE = _through_window(dense, windowed, number, inputs[number], passage)
            for one in list(dense.layers)[number + 1 :]:
                x_BTE = layer(_layer(one), x_BTE, passage)
            costs[number] += (far_loss(dense, dense.norm(x_BTE), rows) - whole) / len(parts)
    return costs


def _through_window(
    dense: Decoder, windowed: Decoder, number: int, x_BTE: Tensor, passage: Passage
) -> Tensor:
    one = _layer(dense.layers[number])
    x_BTE = x_BTE + one.spec.residual * mixed(
        _layer(windowed.layers[number]).mixers[0], one.norm(x_BTE), passage
    )
    fed_BTE: Tensor = one.feed_forward(one.feed_forward_norm(x_BTE))
    return x_BTE + one.spec.residual * fed_BTE


def _write_costs(folder: Path, costs: Sequence[float], own: Own) -> None:
    dearest = sorted(range(len(costs)), key=lambda number: -costs[number])[: own.keep]
    (folder / RESULT).mkdir(exist_ok=True)
    told = {
        "window": own.window,
        "sinks": own.sinks,
        "costs": [round(cost, 6) for cost in costs],
        "hybrid_layers": sorted(set(range(len(costs))) - set(dearest)),
    }
    write_whole(folder / RESULT / COSTS, json.dumps(told, indent=2) + "\n")


@dataclass(frozen=True)
class Missing:
    """What hybrid layer `number` read, and what its window left out of the whole attention's answer."""

    number: int
    normed_BTE: Tensor
    missing_BTE: Tensor
    passage: Passage
    tokens: int


class Layers:
    """An Objective: the share of what is missing that the branches miss too, squared, summed over layers. A part
    of a batch is one layer over one row; its tokens are counted with the first.

    Shares are of what a layer misses in held-out text: where a window leaves next to nothing out, shares of that
    would outweigh all others.
    """

    def __init__(
        self, dense: Decoder, decoder: Decoder, job: Job, texts: Sequence[Text], held_out: Sequence[Text]
    ) -> None:
        self._dense, self._decoder, self._texts = dense, decoder, texts
        lengths = [len(text.tokens) for text in texts]
        self._order = Order(lengths, row_tokens=job.row_tokens, batch_tokens=job.batch_tokens, seed=job.seed)
        self._held_out = [rows_of([text]) for text in held_out]
        self._rows = max(1, job.batch_tokens // job.row_tokens)
        self._usual = self._missing_on_average()

    def _missing_on_average(self) -> dict[int, float]:
        """By layer: squares a row."""
        sums: dict[int, float] = {}
        for rows in self._held_out:
            for part in self._missing(rows):
                squares = float(part.missing_BTE.float().square().sum()) / len(self._held_out)
                sums[part.number] = sums.get(part.number, 0.0) + squares
        return sums

    def batch(self, step: int) -> list[Missing]:
        chosen = [rows_of([self._texts[index] for index in row]) for row in self._order.step(step)]
        return [part for rows in chosen for part in self._missing(rows)]

    @torch.no_grad()
    def _missing(self, rows: Rows) -> list[Missing]:
        """Along the dense network, layer by layer."""
        passage, x_BTE = Passage.of(self._dense, rows), embedded(self._dense, rows)
        found: list[Missing] = []
        for number, modules in enumerate(zip(self._dense.layers, self._decoder.layers, strict=True)):
            one, other = map(_layer, modules)
            normed_BTE = one.norm(x_BTE)
            whole_BTE = mixed(one.mixers[0], normed_BTE, passage)
            if len(other.mixers) > 1:
                missing_BTE = whole_BTE - mixed(other.mixers[0], normed_BTE, passage)
                tokens = 0 if found else rows.tokens
                found.append(Missing(number, normed_BTE, missing_BTE, passage, tokens))
            x_BTE = x_BTE + one.spec.residual * whole_BTE
            x_BTE = x_BTE + one.spec.residual * one.feed_forward(one.feed_forward_norm(x_BTE))
        return found

    def loss(self, part: Missing) -> Measured:
        return Measured(self._share(part) / self._rows, part.tokens)

    def held_out(self) -> Mapping[str, float]:
        """Means over layers; also by layer, by its number."""
        sums: dict[int, float] = {}
        for rows in self._held_out:
            for part in self._missing(rows):
                share = float(self._share(part)) / len(self._held_out)
                sums[part.number] = sums.get(part.number, 0.0) + share
        by_layer = {f"layer_{number}": round(share, 4) for number, share in sums.items()}
        return {HELD_OUT: sum(sums.values()) / len(sums), **by_layer}

    def _share(self, part: Missing) -> Tensor:
        branch = _layer(self._decoder.layers[part.number]).mixers[1]
        given_BTE = mixed(branch, part.normed_BTE, part.passage).float()
        return (given_BTE - part.missing_BTE.float()).square().sum() / max(self._usual[part.number], 1e-9)


class Whole:
    """An Objective: the loss of the text. Held out, it is told beyond FAR too, and what the branches are worth."""

    def __init__(
        self, decoder: Decoder, part: HybridPart, job: Job, texts: Sequence[Text], held_out: Sequence[Text], *,
        branches_first: int = 0,
    ) -> None:  # fmt: skip
        self._text = Supervised(decoder, job, texts, ())
        self._decoder, self._part, self._job = decoder, part, job
        self._held_out = [rows_of([text]) for text in held_out]
        self._branches_first = branches_first
        self._teacher: tuple[Decoder, float] | None = None

    def learn_from(self, teacher: Decoder, share: float) -> None:
        """Its predictions are that share of the targets."""
        self._teacher = teacher, share

    def batch(self, step: int) -> list[Rows]:
        self._part.network = step >= self._branches_first
        return self._text.batch(step)

    def loss(self, part: Rows) -> Measured:
        if self._teacher is None:
            return self._text.loss(part)
        teacher, share = self._teacher
        with torch.no_grad():
            teaching = Teaching(teacher, hidden(teacher, part), share)
        return self._text.loss(part, teaching)

    def held_out(self) -> Mapping[str, float]:
        every, far = self._losses()
        if not self._part.branches:
            return {HELD_OUT: every, "held_out_far": far}
        self._part.branches = False
        try:
            _, without = self._losses()
        finally:
            self._part.branches = True
        return {HELD_OUT: every, "held_out_far": far, "branch_far": without - far}

    def _losses(self) -> tuple[float, float]:
        """Means of all tokens and of those beyond FAR; rows are equally long."""
        every = far = 0.0
        for rows in self._held_out:
            last_BTE = hidden(self._decoder, rows)
            losses_M = -log_probs(self._decoder, last_BTE, rows)
            every += float(losses_M.mean()) / len(self._held_out)
            far += float(losses_M[_is_far(rows)].mean()) / len(self._held_out)
        return every, far


def far_loss(decoder: Decoder, last_BTE: Tensor, rows: Rows) -> float:
    """The mean loss, in nats a token, of tokens beyond FAR."""
    return -float(log_probs(decoder, last_BTE, rows)[_is_far(rows)].mean())


def _is_far(rows: Rows) -> Tensor:
    """[M]; of rows too short for FAR, their second half."""
    positions_M = rows.positions_BT.flatten()[rows.targets_N]
    return positions_M >= min(FAR, int(rows.positions_BT.max()) // 2)


def _layer(module: torch.nn.Module) -> DecoderLayer:
    assert isinstance(module, DecoderLayer)
    return module
