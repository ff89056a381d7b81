"""How the recurrent branch of a hybrid layer starts: as the attention beside it, read from memory.

Far from a token, attention is a weighted mean of values. A state space branch whose x is v, whose B is k and whose
C is q computes another weighted mean of them (arXiv:2405.21060; students have been started so since
arXiv:2408.15237). Its gate starts closed, so that a network begins as its windows alone. Knows no file and no
training.

Shape letters: E width, R rows of q, k and v together, A numbers of all queries, D head width, K key heads,
G queries of a key head, H heads, C channels of the convolution.
"""

import numpy as np
import numpy.typing as npt

from secretariat.models.nets.config import AttentionSpec, Mamba2Spec

Floats = npt.NDArray[np.float32]
_TOKENS = (128.0, 8192.0)  # how long the first and the last head of each key head remember


def branch_of(attention: AttentionSpec) -> Mamba2Spec:
    """The branch that can start as `attention`: as many heads, and its key heads as groups."""
    return Mamba2Spec(
        heads=attention.heads,
        head_dim=attention.head_dim,
        state=attention.head_dim,
        groups=attention.kv_heads,
        conv=4,
        gate=None,
    )


def branch_start(
    qkv_RE: Floats, out_EA: Floats, attention: AttentionSpec, branch: Mamba2Spec
) -> dict[str, Floats]:
    """The matrices of a Mamba2 module, by their names there. Raises ValueError where the two don't fit."""
    own = (branch.heads, branch.head_dim, branch.state, branch.groups)
    if own != (attention.heads, attention.head_dim, attention.head_dim, attention.kv_heads):
        raise ValueError("a branch has the heads, widths and key heads of the attention that it starts as")
    heads, width = attention.heads, attention.head_dim
    parts = qkv_RE.reshape(-1, width, qkv_RE.shape[1])
    q_HDE, k_KDE, v_KDE = np.split(parts, [heads, heads + attention.kv_heads])
    c_KDE = q_HDE.reshape(attention.kv_heads, attention.group, *q_HDE.shape[1:]).mean(axis=1)
    x_HDE = v_KDE.repeat(attention.group, axis=0)
    gate_HDE, dt_HE = np.zeros_like(x_HDE), np.zeros((heads, qkv_RE.shape[1]), np.float32)
    rows = [part.reshape(-1, qkv_RE.shape[1]) for part in (gate_HDE, x_HDE, k_KDE, c_KDE)]
    return {
        "in_proj.weight": np.concatenate([*rows, dt_HE]).astype(np.float32),
        "out_proj.weight": out_EA.astype(np.float32),
    }


def small_start(attention: AttentionSpec, branch: Mamba2Spec) -> dict[str, Floats]:
    """The other tensors, which no weight is read for. The convolution passes its last input on; head by head a
    longer mean is kept, of weights that sum to 1."""
    taps = np.zeros((branch.conv_width, branch.conv), np.float32)
    taps[:, -1] = 1
    shares_G = 1 / np.geomspace(*_TOKENS, attention.group)
    dt_bias_H = np.tile(np.log(np.expm1(shares_G)), attention.kv_heads)
    heads = np.zeros(branch.heads, np.float32)
    small = {"conv.weight": taps, "dt_bias": dt_bias_H.astype(np.float32), "A_log": heads, "D": heads.copy()}
    if branch.conv_bias:
        small["conv.bias"] = np.zeros(branch.conv_width, np.float32)
    if branch.gate is not None:
        small["norm.weight"] = np.ones(branch.inner, np.float32)
    return small
