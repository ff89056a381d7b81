"""The served decoder, differentiable over packed rows: the same modules and weights, no pages and no slots.

Owns the way through layers and what is kept for the way back. Knows nothing of losses and of what learns.

Shape letters: B rows, T places of a row, N = B * T, E model width, X experts.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx

from secretariat.models.nets.decoder import Decoder, DecoderLayer
from secretariat.models.nets.feedforward.low_rank_moe import LowRankMoe
from secretariat.models.nets.feedforward.moe import Moe
from secretariat.models.nets.norm import wide
from secretariat.models.training.carrying import Carried
from secretariat.models.training.mixing import mixed
from secretariat.models.training.packing import Rows
from secretariat.models.training.passage import Passage

__all__ = ["Passage", "embedded", "hidden", "layer", "mixed"]


def hidden(
    decoder: Decoder,
    rows: Rows,
    *,
    checkpoint: bool = True,
    routers: list[Tensor] | None = None,
    carried: Carried | None = None,
) -> Tensor:
    """[B, T, E] after the last norm: what the head reads. No place sees another document.

    `checkpoint`: keep only what goes into each layer and run it again on the way back. `routers` is given the
    router's logits [N, X] of each mixture of experts in turn. `carried`: what the documents, of one row, go on
    from.
    """
    passage = Passage.of(decoder, rows, carried)
    x_BTE = embedded(decoder, rows)
    again = checkpoint and torch.is_grad_enabled()
    for one in decoder.layers:
        assert isinstance(one, DecoderLayer)
        if again:
            x_BTE, *logits = _recomputed(_with_routers(one, passage), x_BTE)
        else:
            x_BTE, *logits = _with_routers(one, passage)(x_BTE)
        if routers is not None:
            routers += logits
    last_BTE: Tensor = decoder.norm(x_BTE)
    return last_BTE


def embedded(decoder: Decoder, rows: Rows) -> Tensor:
    """[B, T, E]: what the first layer reads, in float32 or wider."""
    x_BTE: Tensor = decoder.embedding(rows.tokens_BT.to(decoder.device))
    return x_BTE.to(wide(decoder.dtype)) * decoder.config.embedding_scale


def layer(one: DecoderLayer, x_BTE: Tensor, passage: Passage) -> Tensor:
    """[B, T, E] after the layer, residuals added, as the decoder has it."""
    return _with_routers(one, passage)(x_BTE)[0]


def _with_routers(one: DecoderLayer, passage: Passage) -> Callable[[Tensor], tuple[Tensor, ...]]:
    """The layer as a function of its input alone: its output and its routers' logits."""
    spec = one.spec

    def through(x_BTE: Tensor) -> tuple[Tensor, ...]:
        if one.parallel:
            normed_BTE = one.norm(x_BTE)
            if spec.feed_forward is None:
                return (_mixed(one, x_BTE, normed_BTE, passage),)
            fed_BTE, logits = _fed(one.feed_forward, normed_BTE)
            return _mixed(one, _added(x_BTE, fed_BTE, spec.residual), normed_BTE, passage), *logits
        if one.mixers:
            x_BTE = _mixed(one, x_BTE, one.norm(x_BTE), passage)
        if spec.feed_forward is None:
            return (x_BTE,)
        fed_BTE, logits = _fed(one.feed_forward, one.feed_forward_norm(x_BTE))
        return _added(x_BTE, fed_BTE, spec.residual), *logits

    return through


def _mixed(one: DecoderLayer, x_BTE: Tensor, normed_BTE: Tensor, passage: Passage) -> Tensor:
    for index, mixer in enumerate(one.mixers):
        scale, into = one.spec.mixer_scale(index), one.spec.mixer_input(index)
        read_BTE = normed_BTE if into == 1.0 else into * normed_BTE
        x_BTE = _added(x_BTE, mixed(mixer, read_BTE, passage), one.spec.residual * scale)
    return x_BTE


def _added(x_BTE: Tensor, part_BTE: Tensor, scale: float) -> Tensor:
    """A product by one would cost a pass over memory forth and another back."""
    return x_BTE + (part_BTE if scale == 1.0 else scale * part_BTE)


def _fed(feed_forward: nn.Module, x_BTE: Tensor) -> tuple[Tensor, Sequence[Tensor]]:
    if not isinstance(feed_forward, Moe | LowRankMoe):
        return feed_forward(x_BTE), ()
    x_NE = x_BTE.flatten(0, 1)
    return feed_forward(x_NE).view_as(x_BTE), (x_NE @ feed_forward.router.weight.T,)


def _recomputed(through: Callable[[Tensor], tuple[Tensor, ...]], x_BTE: Tensor) -> tuple[Tensor, ...]:
    """As `through(x_BTE)`. torch's own checkpointing would load its compiler first, seconds of it."""
    if not x_BTE.requires_grad:
        x_BTE = x_BTE.detach().requires_grad_()  # or what learns inside would never hear of the way back
    out: tuple[Tensor, ...] = _Recomputed.apply(through, x_BTE)  # type: ignore[no-untyped-call]
    return out


class _Recomputed(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: FunctionCtx, through: Callable[[Tensor], tuple[Tensor, ...]], x: Tensor
    ) -> tuple[Tensor, ...]:
        ctx.through = through  # type: ignore[attr-defined]
        ctx.save_for_backward(x)
        return through(x)

    @staticmethod
    def backward(ctx: FunctionCtx, *gradients: Tensor) -> tuple[None, Tensor | None]:
        (x,) = ctx.saved_tensors  # type: ignore[attr-defined]
        x = x.detach().requires_grad_()
        with torch.enable_grad():
            out = ctx.through(x)  # type: ignore[attr-defined]
        asked = [
            (part, gradient) for part, gradient in zip(out, gradients, strict=True) if part.requires_grad
        ]
        torch.autograd.backward([part for part, _ in asked], [gradient for _, gradient in asked])
        return None, x.grad
