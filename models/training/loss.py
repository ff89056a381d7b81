"""Log-probabilities of the learnt tokens, some at a time: the logits of a whole batch never are in memory.

Owns the head's way forth and back. Knows nothing of what the numbers are for.

Shape letters: B rows, T places, E model width of the network that learns or teaches, V vocabulary, M learnt
tokens, N = B * T.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from secretariat.models.nets.decoder import Decoder
from secretariat.models.nets.norm import wide
from secretariat.models.training.packing import Rows

_TOKENS = 512  # whose logits are in memory at a time


@dataclass(frozen=True, slots=True)
class _Scaling:
    """From the head's product to logits, as the decoder has it."""

    scale: float
    cap: float | None

    def logits(self, product_MV: Tensor) -> Tensor:
        logits_MV = product_MV.to(wide(product_MV.dtype))
        if self.scale != 1.0:
            logits_MV = logits_MV * self.scale
        return logits_MV if self.cap is None else self.cap * torch.tanh(logits_MV / self.cap)

    def kept(self, logits_MV: Tensor) -> Tensor:
        """The logits, or a copy where the way back reads them."""
        return logits_MV if self.cap is None else logits_MV.clone()

    def back(self, gradient_MV: Tensor, logits_MV: Tensor) -> Tensor:
        """The gradient by the product from that by the logits."""
        if self.cap is not None:
            gradient_MV = gradient_MV * (1 - (logits_MV / self.cap).square())
        return gradient_MV if self.scale == 1.0 else gradient_MV * self.scale


@dataclass(frozen=True, slots=True)
class Teaching:
    """What another network of the same vocabulary makes of the same rows: its last hidden states. Its
    probabilities are `share` of what is to be foreseen; the text's own token is the rest (arXiv:1503.02531, at
    temperature 1)."""

    teacher: Decoder
    hidden_BTE: Tensor
    share: float

    def targets(self, rows: Rows) -> "_Taught":
        return _Taught(_sources(self.hidden_BTE, rows), self)


@dataclass(frozen=True, slots=True)
class _Taught:
    hidden_ME: Tensor
    by: Teaching

    def probabilities(self, at: slice) -> Tensor:
        """[M, V] of the tokens at those places, times the share."""
        config = self.by.teacher.config
        scaling = _Scaling(config.logits_scale, config.logits_cap)
        logits_MV = scaling.logits(self.by.teacher.head(self.hidden_ME[at]))
        return torch.softmax(logits_MV, dim=-1).mul_(self.by.share)


def log_probs(decoder: Decoder, hidden_BTE: Tensor, rows: Rows) -> Tensor:
    """[M] natural logarithms, in the order of `rows.targets_M`. The logits are computed again on the way back."""
    return _apply(_LogProbs, decoder, hidden_BTE, rows)


def loss_sum(decoder: Decoder, hidden_BTE: Tensor, rows: Rows, teaching: Teaching | None = None) -> Tensor:
    """Minus the sum of `log_probs`, a scalar; with `teaching` the cross-entropy with what it says. The gradient is
    taken at once: the logits are computed once."""
    return _apply(_LossSum, decoder, hidden_BTE, rows, None if teaching is None else teaching.targets(rows))


def _apply(function: Any, decoder: Decoder, hidden_BTE: Tensor, rows: Rows, *more: Any) -> Tensor:
    hidden_ME = _sources(hidden_BTE, rows)
    scaling = _Scaling(decoder.config.logits_scale, decoder.config.logits_cap)
    head, targets_M = _Head(decoder.head), rows.targets_M.to(hidden_BTE.device)
    found: Tensor = function.apply(hidden_ME, decoder.head.weight, targets_M, head, scaling, *more)
    return found


def _sources(hidden_BTE: Tensor, rows: Rows) -> Tensor:
    """[M, E]: what the learnt tokens are foreseen from."""
    return hidden_BTE.flatten(0, 1).index_select(0, rows.sources_M.to(hidden_BTE.device))


class _Head:
    """The head's product as the module makes it, in whatever numbers, and the way back through it."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module

    def forth(self, part_ME: Tensor) -> tuple[Tensor, Tensor]:
        """The part as a leaf, and the product [M, V]."""
        with torch.enable_grad():
            leaf_ME = part_ME.detach().requires_grad_()
            return leaf_ME, self._module(leaf_ME)

    def back(self, leaf_ME: Tensor, product_MV: Tensor, gradient_MV: Tensor) -> Tensor:
        return torch.autograd.grad(product_MV, leaf_ME, gradient_MV.to(product_MV.dtype))[0]


class _LogProbs(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden_ME: Tensor, weight_VE: Tensor, targets_M: Tensor, head: _Head, scaling: _Scaling
    ) -> Tensor:
        ctx.save_for_backward(hidden_ME, weight_VE, targets_M)
        ctx.head, ctx.scaling = head, scaling
        found = []
        for part_ME, wanted_M in _parts(hidden_ME, targets_M):
            logs_M, _ = _softmax(scaling.logits(head.forth(part_ME)[1].detach()), wanted_M)
            found.append(logs_M)
        return torch.cat(found) if found else hidden_ME.new_zeros(0, dtype=wide(hidden_ME.dtype))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        hidden_ME, weight_VE, targets_M = ctx.saved_tensors
        by_hidden_ME = torch.empty_like(hidden_ME)
        by_weight = _sum_like(weight_VE, wanted=ctx.needs_input_grad[1])
        for at, (part_ME, wanted_M) in zip(_places(hidden_ME), _parts(hidden_ME, targets_M), strict=True):
            leaf_ME, product_MV = ctx.head.forth(part_ME)
            logits_MV = ctx.scaling.logits(product_MV.detach())
            by_logits_MV = _less(_softmax(ctx.scaling.kept(logits_MV), wanted_M)[1], wanted_M)
            by_logits_MV *= -gradients[0][at, None]
            by_product_MV = ctx.scaling.back(by_logits_MV, logits_MV).to(hidden_ME.dtype)
            by_hidden_ME[at] = ctx.head.back(leaf_ME, product_MV, by_product_MV)
            if by_weight is not None:
                by_weight += by_product_MV.T @ part_ME
        return by_hidden_ME, _as(by_weight, weight_VE), None, None, None


class _LossSum(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden_ME: Tensor, weight_VE: Tensor, targets_M: Tensor, head: _Head, scaling: _Scaling,
        taught: _Taught | None,
    ) -> Tensor:  # fmt: skip
        total = hidden_ME.new_zeros((), dtype=wide(hidden_ME.dtype))
        by_hidden_ME = torch.empty_like(hidden_ME) if ctx.needs_input_grad[0] else None
        by_weight = _sum_like(weight_VE, wanted=ctx.needs_input_grad[1])
        for at, (part_ME, wanted_M) in zip(_places(hidden_ME), _parts(hidden_ME, targets_M), strict=True):
            leaf_ME, product_MV = head.forth(part_ME)
            logits_MV = scaling.logits(product_MV.detach())
            kept_MV = scaling.kept(logits_MV)
            if taught is None:
                logs_M, probabilities_MV = _softmax(kept_MV, wanted_M)
                total -= logs_M.sum()
                by_logits_MV = _less(probabilities_MV, wanted_M)
            else:
                loss, by_logits_MV = _beside(kept_MV, wanted_M, taught.probabilities(at), taught.by.share)
                total += loss
            by_product_MV = scaling.back(by_logits_MV, logits_MV).to(hidden_ME.dtype)
            if by_hidden_ME is not None:
                by_hidden_ME[at] = head.back(leaf_ME, product_MV, by_product_MV)
            if by_weight is not None:
                by_weight += by_product_MV.T @ part_ME
        ctx.save_for_backward(by_hidden_ME, _as(by_weight, weight_VE))
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        scaled = (None if part is None else part * gradients[0] for part in ctx.saved_tensors)
        return (*scaled, None, None, None, None)


def _softmax(logits_MV: Tensor, targets_M: Tensor) -> tuple[Tensor, Tensor]:
    """The targets' log-probabilities [M] and all probabilities [M, V], in the place of the logits. torch's own
    log-softmax takes a processor four times as long."""
    above_MV = logits_MV.sub_(logits_MV.amax(dim=-1, keepdim=True))
    wanted_M = above_MV.gather(1, targets_M[:, None])[:, 0]
    probabilities_MV = above_MV.exp_()
    sums_M1 = probabilities_MV.sum(dim=-1, keepdim=True)
    return wanted_M - sums_M1[:, 0].log(), probabilities_MV.div_(sums_M1)


def _beside(logits_MV: Tensor, targets_M: Tensor, taught_MV: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """The cross-entropy, summed, with targets that count as what `taught_MV` leaves of 1; its gradient by the
    logits, in their place."""
    above_MV = logits_MV - logits_MV.amax(dim=-1, keepdim=True)
    expected_M = torch.einsum("mv,mv->m", taught_MV, above_MV)
    logs_M, probabilities_MV = _softmax(logits_MV, targets_M)
    wanted_M = above_MV.gather(1, targets_M[:, None])[:, 0]
    sums_M = wanted_M - logs_M  # of the exponentials, their logarithm
    loss = -((1 - share) * logs_M + expected_M - share * sums_M).sum()
    return loss, _less(probabilities_MV.sub_(taught_MV), targets_M, 1 - share)


def _places(hidden_ME: Tensor) -> list[slice]:
    return [slice(first, first + _TOKENS) for first in range(0, len(hidden_ME), _TOKENS)]


def _parts(hidden_ME: Tensor, targets_M: Tensor) -> list[tuple[Tensor, Tensor]]:
    return [(hidden_ME[at], targets_M[at]) for at in _places(hidden_ME)]


def _less(probabilities_MV: Tensor, targets_M: Tensor, share: float = 1.0) -> Tensor:
    """Changes what it is given: softmax less `share` of the target's indicator."""
    rows_M = torch.arange(len(targets_M), device=targets_M.device)
    probabilities_MV[rows_M, targets_M] -= share
    return probabilities_MV


def _sum_like(weight: Tensor, *, wanted: bool) -> Tensor | None:
    return torch.zeros_like(weight, dtype=wide(weight.dtype)) if wanted else None


def _as(total: Tensor | None, like: Tensor) -> Tensor | None:
    return None if total is None else total.to(like.dtype)
