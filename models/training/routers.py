"""Routers of a mixture that begin by telling the experts' own data apart, each by what its feed-forward reads.

A regression for each layer on some labelled tokens, the layers in turn: what a layer reads depends on whom the
routers before it choose. Owns no data and no losses beyond that one.

Shape letters: N labelled tokens, E model width, X experts.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from secretariat.models.nets.decoder import Decoder, DecoderLayer
from secretariat.models.nets.feedforward.low_rank_moe import LowRankMoe
from secretariat.models.training.forward import embedded, mixed
from secretariat.models.training.packing import Rows
from secretariat.models.training.passage import Passage

NOBODYS = -1
"""The label of what is no expert's own."""
_RIDGE = 0.01  # of a feature's mean square: documents are fewer than features
_ROUNDS = 30


@torch.no_grad()
def fit_routers(decoder: Decoder, rows: Sequence[Rows], labels_N: Tensor) -> None:
    """Sets the routers of all layers. `labels_N`: the expert of each place of all rows, or NOBODYS."""
    passages = [Passage.of(decoder, one) for one in rows]
    inputs = [embedded(decoder, one) for one in rows]
    own_N = labels_N != NOBODYS
    for one in decoder.layers:
        assert isinstance(one, DecoderLayer)
        assert isinstance(one.feed_forward, LowRankMoe)
        inputs = [_mixed(one, x_BTE, passage) for x_BTE, passage in zip(inputs, passages, strict=True)]
        read = [one.feed_forward_norm(x_BTE).flatten(0, 1) for x_BTE in inputs]
        router = one.feed_forward.router
        weight_XE = telling_apart(torch.cat(read)[own_N].float(), labels_N[own_N], router.spec.experts)
        router.weight.copy_(weight_XE)
        inputs = [
            x_BTE + one.spec.residual * one.feed_forward(x_NE).view_as(x_BTE)
            for x_BTE, x_NE in zip(inputs, read, strict=True)
        ]


def _mixed(one: DecoderLayer, x_BTE: Tensor, passage: Passage) -> Tensor:
    normed_BTE = one.norm(x_BTE)
    for mixer in one.mixers:
        x_BTE = x_BTE + one.spec.residual * mixed(mixer, normed_BTE, passage)
    return x_BTE


def telling_apart(features_NE: Tensor, labels_N: Tensor, experts: int) -> Tensor:
    """[X, E] of a multinomial logistic regression without a bias, every expert's tokens counting as much in all.

    Newton's method with the curvature's upper bound in place of the curvature (Böhning, 1992): it is the same for
    all rounds and experts, and each round lowers the loss.
    """
    counts_X = torch.bincount(labels_N, minlength=experts)
    shares_N1 = (1 / (counts_X.clamp_min(1) * (counts_X > 0).sum()))[labels_N][:, None]
    sizes_E = (shares_N1 * features_NE.square()).sum(dim=0).sqrt().clamp_min(1e-6)
    scaled_NE = features_NE / sizes_E
    bound_EE = 0.5 * (scaled_NE.T @ (shares_N1 * scaled_NE)).double()
    bound_EE.diagonal().add_(_RIDGE)
    factor_EE = torch.linalg.cholesky(bound_EE)
    wanted_NX = F.one_hot(labels_N, experts).float()
    weight_EX = torch.zeros(features_NE.shape[1], experts)
    for _ in range(_ROUNDS):
        excess_NX = shares_N1 * ((scaled_NE @ weight_EX).softmax(dim=-1) - wanted_NX)
        slope_EX = scaled_NE.T @ excess_NX + _RIDGE * weight_EX
        weight_EX -= torch.cholesky_solve(slope_EX.double(), factor_EE).float()
    return (weight_EX / sizes_E[:, None]).T.contiguous()
