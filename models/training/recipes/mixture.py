"""Branch, train, mix (arXiv:2403.07816): experts trained apart, as adapters, become one network with a router.

The routers begin by telling the experts' own data apart (`routers.py`); then all of it predicts the answers of the
mixed data: routers, the experts' changes, and the mixers' pair that all share.

Own settings: `experts`, a list of {"name", "adapter": folder or null, "files": those of `data` and `held_out` that
are its own}; `top`, `shared_rank`, `router_tokens`, which routers begin with, and `labels`, what telling experts
apart goes on to count in the loss.

Shape letters: N places, X experts, L layers.
"""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from secretariat.models.adapters.lora import read_lora
from secretariat.models.nets.checkpoint import open_checkpoint
from secretariat.models.nets.decoder import Decoder
from secretariat.models.planning.plan import active_parameters
from secretariat.models.training.examples import Example, Text, fitting, read_documents
from secretariat.models.training.forward import hidden
from secretariat.models.training.job import Job, invalid
from secretariat.models.training.learnt import Learnt
from secretariat.models.training.loss import loss_sum
from secretariat.models.training.mixtures import Expert, MixturePart, Shape, made_mixture
from secretariat.models.training.model import Opened, open_model
from secretariat.models.training.packing import PADDING, Order, Rows, first_fit, laid_out
from secretariat.models.training.routers import NOBODYS, fit_routers
from secretariat.models.training.run import HELD_OUT, STATE, Measured, Run
from secretariat.models.training.settings import Settings


@dataclass(frozen=True)
class Told:
    """Of one expert, as the job tells it."""

    name: str
    adapter: str | None
    files: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Own:
    """The job's own keys."""

    experts: tuple[Told, ...]
    top: int
    shared_rank: int
    router_tokens: int
    labels: float

    @staticmethod
    def of(job: Job) -> "Own":
        """Raises ModelError("training_invalid") naming the key."""
        given = job.own.get("experts")
        if not isinstance(given, list) or len(given) < 2:
            raise invalid("experts", "is no list of two or more")
        settings = Settings({name: value for name, value in job.own.items() if name != "experts"})
        own = Own(
            experts=tuple(_told(one, {*job.data, *job.held_out}) for one in given),
            top=settings.count("top", 2),
            shared_rank=settings.count("shared_rank", 16),
            router_tokens=settings.count("router_tokens", 16384, least=0),
            labels=settings.number("labels", 0.01),
        )
        settings.nothing_else()
        files = [file for expert in own.experts for file in expert.files]
        if len(set(files)) < len(files):
            raise invalid("experts", "share a file: whose it is would be unknown")
        return own

    def label(self, file: str) -> int:
        return next((at for at, one in enumerate(self.experts) if file in one.files), NOBODYS)


def _told(value: Any, known: set[str]) -> Told:
    if not isinstance(value, dict) or value.keys() - {"name", "adapter", "files"}:
        raise invalid("experts", "aren't all of name, adapter and files")
    name, adapter, files = value.get("name"), value.get("adapter"), value.get("files")
    if not isinstance(name, str) or not name.isidentifier():
        raise invalid("experts", f"have a name {name!r}, which isn't made of letters, digits and _")
    if adapter is not None and not isinstance(adapter, str):
        raise invalid("experts", f"{name} has an adapter that is no folder")
    if (
        not isinstance(files, list)
        or not files
        or not all(isinstance(file, str) and file in known for file in files)
    ):
        raise invalid("experts", f"{name} has no files, or some that are neither in data nor in held_out")
    return Told(name, adapter, tuple(dict.fromkeys(files)))


@dataclass(frozen=True)
class Labelled:
    """`labels`: the expert that each document is of, or NOBODYS."""

    documents: Sequence[Example | Text]
    labels: Sequence[int]


def main(job: Job, folder: Path) -> bool:
    """False where it was stopped on the way. Raises ModelError."""
    own = Own.of(job)
    if job.learn.kind != "lora" or job.learn.start is not None or job.learn.targets:
        raise invalid("learn", "of a mixture has a rank alone: what it begins with are its experts")
    opened = open_model(job)
    checkpoint = open_checkpoint(opened.directory)
    experts = [
        Expert(
            one.name,
            None if one.adapter is None else read_lora(Path(one.adapter), checkpoint.config, partial=True),
        )
        for one in own.experts
    ]
    shape = Shape(top=own.top, rank=job.learn.rank, shared_rank=own.shared_rank)
    decoder = made_mixture(opened.decoder, experts, shape, seed=job.seed)
    if opened.eight_bits is not None:
        opened.eight_bits.into(decoder)
    data, held_out = (_read(paths, own, opened, job.row_tokens) for paths in (job.data, job.held_out))
    if not (folder / STATE).exists():
        _begin_routers(decoder, own, data, job)
    learnt = Learnt([MixturePart(decoder, checkpoint, opened.directory, experts, shape, seed=job.seed)])
    facts = {
        "examples": len(data.documents),
        "held_out_examples": len(held_out.documents),
        "experts": [expert.name for expert in experts],
        "active": round(active_parameters(decoder.config) / active_parameters(checkpoint.config), 4),
    }
    return Run(job, folder, learnt, Mixing(decoder, job, own, data, held_out)).go(facts)


def _read(files: Sequence[str], own: Own, opened: Opened, row_tokens: int) -> Labelled:
    documents: list[Example | Text] = []
    labels: list[int] = []
    for file in files:
        some = fitting(read_documents([Path(file)], opened.chat, row_tokens), row_tokens)
        documents += some
        labels += [own.label(file)] * len(some)
    return Labelled(documents, labels)


def _begin_routers(decoder: Decoder, own: Own, data: Labelled, job: Job) -> None:
    """With as many tokens of each expert's own documents, drawn from all of them."""
    rows, labels = list[Rows](), list[Tensor]()
    for label in range(len(own.experts)):
        of = [at for at, one in enumerate(data.labels) if one == label]
        random.Random(f"{job.seed} {label}").shuffle(of)  # noqa: S311 - an order, no secret
        taken, room = list[int](), own.router_tokens // len(own.experts)
        while of and room > 0:
            taken.append(of.pop())
            room -= len(data.documents[taken[-1]].tokens)
        for row in first_fit([len(data.documents[at].tokens) for at in taken], job.row_tokens):
            rows.append(laid_out(data.documents, [[taken[at] for at in row]]))
            labels.append(_labels(rows[-1], data.labels))
    if rows:
        fit_routers(decoder, rows, torch.cat(labels))


@dataclass(frozen=True)
class Part:
    """One row of a batch of `rows`, in all of which `learnt` tokens are learnt."""

    packed: Rows
    learnt: int
    rows: int


class Mixing:
    """An Objective. Each part tells what share of its tokens each expert is the first choice of."""

    def __init__(self, decoder: Decoder, job: Job, own: Own, data: Labelled, held_out: Labelled) -> None:
        self._decoder, self._own = decoder, own
        self._checkpoint = job.checkpoint
        self._data, self._held_out = data, held_out
        lengths = [len(document.tokens) for document in data.documents]
        self._order = Order(lengths, row_tokens=job.row_tokens, batch_tokens=job.batch_tokens, seed=job.seed)
        self._row_tokens = job.row_tokens
        self._names = [expert.name for expert in own.experts]

    def batch(self, step: int) -> list[Part]:
        rows = [laid_out(self._data.documents, [row]) for row in self._order.step(step)]
        learnt = max(1, sum(one.learnt for one in rows))
        return [Part(one, learnt, len(rows)) for one in rows]

    def loss(self, part: Part) -> Measured:
        labels_N = _labels(part.packed, self._data.labels)
        logits: list[Tensor] = []
        last_BTE = hidden(self._decoder, part.packed, checkpoint=self._checkpoint, routers=logits)
        apart = router_loss(logits, labels_N) / part.rows
        loss = loss_sum(self._decoder, last_BTE, part.packed) / part.learnt + self._own.labels * apart
        told = {"router_loss": float(apart.detach())}
        shares_X = first_choices(logits, part.packed) / part.rows
        return Measured(loss, part.packed.tokens, told | self._by_name("share", shares_X))

    def held_out(self) -> Mapping[str, float] | None:
        """By expert, of its own held-out data: the loss, and `own`, the share of tokens whose first choice it is.
        Of all: the share of each expert, and their `balance`, 1 where all have the same."""
        if not self._held_out.documents:
            return None
        count = len(self._names)
        total, learnt, everywhere = 0.0, 0, torch.zeros(count)
        told: dict[str, float] = {}
        for label in sorted(set(self._held_out.labels)):
            loss, tokens, choices_X = self._over(label)
            total, learnt, everywhere = total + loss, learnt + tokens, everywhere + choices_X
            if label != NOBODYS:
                told[f"{HELD_OUT}_{self._names[label]}"] = loss / max(1, tokens)
                told[f"own_{self._names[label]}"] = float(choices_X[label] / choices_X.sum())
        shares_X = everywhere / everywhere.sum()
        balance = float(torch.special.entr(shares_X).sum()) / math.log(count)
        return {
            HELD_OUT: total / max(1, learnt),
            **told,
            **self._by_name("share", shares_X),
            "balance": round(balance, 4),
        }

    def _over(self, label: int) -> tuple[float, int, Tensor]:
        """Of one expert's held-out documents: sum of losses, learnt tokens, and [X] tokens by first choice."""
        of = [
            one
            for one, own in zip(self._held_out.documents, self._held_out.labels, strict=True)
            if own == label
        ]
        loss, learnt, choices_X = 0.0, 0, torch.zeros(len(self._names))
        for row in first_fit([len(one.tokens) for one in of], self._row_tokens):
            rows, logits = laid_out(of, [row]), list[Tensor]()
            loss += float(loss_sum(self._decoder, hidden(self._decoder, rows, routers=logits), rows))
            learnt += rows.learnt
            choices_X += first_choices(logits, rows) * rows.tokens
        return loss, learnt, choices_X

    def _by_name(self, what: str, values_X: Tensor) -> dict[str, float]:
        found = zip(self._names, values_X.tolist(), strict=True)
        return {f"{what}_{name}": round(value, 4) for name, value in found}


def router_loss(logits: Sequence[Tensor], labels_N: Tensor) -> Tensor:
    """How far the routers are from sending each token to its expert: cross entropy, the mean over labelled places
    and layers; 0 where nothing is labelled. `logits`: [N, X] of each layer."""
    labelled = max(1, int((labels_N != NOBODYS).sum()))
    sums = [
        F.cross_entropy(one_NX.float(), labels_N, ignore_index=NOBODYS, reduction="sum") for one_NX in logits
    ]
    return torch.stack(sums).sum() / (labelled * len(logits))


def first_choices(logits: Sequence[Tensor], rows: Rows) -> Tensor:
    """[X] shares, of tokens that aren't padding, in all layers."""
    real_N = rows.documents_BT.flatten() != PADDING
    first_LN = torch.stack([one_NX.detach()[real_N].argmax(dim=-1) for one_NX in logits])
    return torch.bincount(first_LN.flatten(), minlength=logits[0].shape[-1]) / first_LN.numel()


def _labels(rows: Rows, labels: Sequence[int]) -> Tensor:
    """[N]; padding is nobody's."""
    documents_N = rows.documents_BT.flatten()
    found_N = torch.tensor([*labels, NOBODYS])[documents_N]  # PADDING, -1, is the last
    assert PADDING == NOBODYS
    return found_N
