"""The shape of a network as data. A decoder is a list of layers, each of mixers and a feed-forward.

Knows nothing of checkpoints: `architectures/` translates foreign configurations into these.
"""

from dataclasses import dataclass
from typing import Literal

DType = Literal["float32", "bfloat16"]
Activation = Literal["silu", "relu2", "gelu", "gelu_tanh"]


@dataclass(frozen=True, slots=True)
class NormSpec:
    """RMSNorm x / rms(x) * w, or LayerNorm without bias (x - mean) / std * w; `one_plus` multiplies by 1 + w."""

    kind: Literal["rms", "layer"] = "rms"
    eps: float = 1e-5
    one_plus: bool = False


@dataclass(frozen=True, slots=True)
class LinearScaling:
    """Position interpolation: every angle divided by `factor` (arXiv:2306.15595)."""

    factor: float


@dataclass(frozen=True, slots=True)
class DynamicScaling:
    """NTK-aware base that grows with the sequence, here taken at `length` tokens of context."""

    factor: float
    original_context: int


@dataclass(frozen=True, slots=True)
class YarnScaling:
    """YaRN (arXiv:2309.00071); `attention_factor` None takes 0.1 ln(factor) + 1."""

    factor: float
    original_context: int
    beta_fast: float = 32.0
    beta_slow: float = 1.0
    attention_factor: float | None = None
    truncate: bool = True


@dataclass(frozen=True, slots=True)
class Llama3Scaling:
    """Llama 3.1's blend by wavelength."""

    factor: float
    low_freq_factor: float
    high_freq_factor: float
    original_context: int


@dataclass(frozen=True, slots=True)
class LongRopeScaling:
    """LongRoPE (arXiv:2402.13753): a factor for each pair; the long ones once the context exceeds the original."""

    short: tuple[float, ...]
    long: tuple[float, ...]
    original_context: int
    attention_factor: float


RopeScaling = LinearScaling | DynamicScaling | YarnScaling | Llama3Scaling | LongRopeScaling


@dataclass(frozen=True, slots=True)
class RopeSpec:
    """Rotary positions over the first `dims` of a head: pairs lie half of `dims` apart, or side by side."""

    theta: float
    dims: int
    pairs: Literal["half", "interleaved"] = "half"
    scaling: RopeScaling | None = None


@dataclass(frozen=True, slots=True)
class QkNormSpec:
    """Normalises queries and keys before rotation: each head with a shared weight [D] (`head`), each head
    with its own row of a weight [H, D] (`heads`), or the whole projection with a weight [H * D] (`all`)."""

    norm: NormSpec
    over: Literal["head", "heads", "all"] = "head"


@dataclass(frozen=True, slots=True)
class AttentionSpec:
    """Grouped-query attention. `rope` None: no positions. `window` W: a token sees itself and the W - 1 before.

    `sinks`: that many first tokens stay visible beyond the window. `scale` None: 1 / sqrt(D). `clip` bounds
    the projections, `soft_cap` C turns scores into C tanh(score / C).
    """

    heads: int
    kv_heads: int
    head_dim: int
    rope: RopeSpec | None
    qk_norm: QkNormSpec | None = None
    scale: float | None = None
    window: int | None = None
    sinks: int = 0
    clip: float | None = None
    soft_cap: float | None = None
    qkv_bias: bool = False
    out_bias: bool = False

    def __post_init__(self) -> None:
        if self.heads % self.kv_heads or self.head_dim % 2:
            raise ValueError(
                f"{self.heads} heads over {self.kv_heads} key heads of {self.head_dim} do not divide"
            )

    @property
    def group(self) -> int:
        return self.heads // self.kv_heads


@dataclass(frozen=True, slots=True)
class Mamba1Spec:
    """Selective SSM (arXiv:2312.00752) over `inner` channels of `state` numbers each.

    `norms`: RMSNorm of dt, B and C before use, with weights (Jamba), without (FalconMamba) or none (Mamba).
    """

    inner: int
    state: int
    conv: int
    dt_rank: int
    norms: Literal["weighted", "plain"] | None = None
    norm_eps: float = 1e-6
    conv_bias: bool = True
    proj_bias: bool = False


@dataclass(frozen=True, slots=True)
class Mamba2Spec:
    """SSD (arXiv:2405.21060): `heads` of `head_dim` channels share a scalar decay; B, C come in `groups`.

    `gate`: norm(y * silu(z)) ("before"), norm(y) * silu(z) ("after") or y * silu(z) (None), the norm over each of
    `groups` runs of channels. `dt_limit` clamps dt after softplus. `multipliers` scale z, x, B, C, dt.
    """

    heads: int
    head_dim: int
    state: int
    groups: int
    conv: int
    gate: Literal["before", "after"] | None = "before"
    norm_eps: float = 1e-5
    dt_limit: tuple[float, float] = (0.0, float("inf"))
    conv_bias: bool = True
    proj_bias: bool = False
    multipliers: tuple[float, float, float, float, float] = (1.0, 1.0, 1.0, 1.0, 1.0)

    @property
    def inner(self) -> int:
        return self.heads * self.head_dim

    @property
    def conv_width(self) -> int:
        """Channels of the convolution: x, B and C."""
        return self.inner + 2 * self.groups * self.state


MixerSpec = AttentionSpec | Mamba1Spec | Mamba2Spec


@dataclass(frozen=True, slots=True)
class MlpSpec:
    """down(act(gate(x)) * up(x)), or down(act(up(x))) where not `gated`."""

    hidden: int
    activation: Activation = "silu"
    gated: bool = True
    bias: bool = False


@dataclass(frozen=True, slots=True)
class RouterSpec:
    """How a token chooses `top` of `experts`. Ties go to the lowest expert.

    `score`: softmax or sigmoid over all experts, or "softmax_top": softmax over the chosen logits alone.
    `select_bias`: a learned bias that takes part in the choice and not in the weight. `renormalise`: divide the
    chosen weights by their p-norm (1: their sum) plus `eps`. `scale` multiplies the weights.
    """

    experts: int
    top: int
    score: Literal["softmax", "sigmoid", "softmax_top"] = "softmax"
    select_bias: bool = False
    renormalise: float | None = None
    eps: float = 0.0
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class MoeSpec:
    """Routed experts, each a gated MLP of `hidden`, plus an optional expert that every token passes."""

    hidden: int
    router: RouterSpec
    activation: Activation = "silu"
    shared_hidden: int | None = None
    shared_gated: bool = False  # by the sigmoid of a learned projection


@dataclass(frozen=True, slots=True)
class LowRankMoeSpec:
    """A gated MLP that all tokens share; each of its matrices W becomes W + sum of w · up · down over the experts
    that the token's router chooses, with pairs of `rank` and the router's weights w."""

    mlp: MlpSpec
    router: RouterSpec
    rank: int

    def __post_init__(self) -> None:
        if not self.mlp.gated or self.router.select_bias:
            raise ValueError("experts as changes need a gated feed-forward and a router without a bias")


FeedForwardSpec = MlpSpec | MoeSpec | LowRankMoeSpec


@dataclass(frozen=True, slots=True)
class LayerSpec:
    """One block. Mixers of a layer read the same normed input in parallel; their outputs are summed.

    `order` "sequential": x += r·mixers(norm(x)); x += r·ff(norm'(x)). "parallel": x += r·(mixers(n) + ff(n)) with
    n = norm(x) (Cohere). `feed_forward` None: a block of mixers alone. `mixer_scales` and `mixer_inputs`
    multiply each mixer's output and input.
    """

    mixers: tuple[MixerSpec, ...]
    feed_forward: FeedForwardSpec | None
    norm: NormSpec
    order: Literal["sequential", "parallel"] = "sequential"
    residual: float = 1.0
    mixer_scales: tuple[float, ...] = ()
    mixer_inputs: tuple[float, ...] = ()

    def mixer_scale(self, index: int) -> float:
        return self.mixer_scales[index] if self.mixer_scales else 1.0

    def mixer_input(self, index: int) -> float:
        return self.mixer_inputs[index] if self.mixer_inputs else 1.0


@dataclass(frozen=True, slots=True)
class DecoderConfig:
    """`embedding_scale` multiplies embeddings, `logits_scale` the logits, `logits_cap` C: C tanh(logit / C)."""

    vocab: int
    width: int
    layers: tuple[LayerSpec, ...]
    norm: NormSpec
    context_length: int
    tied_embeddings: bool
    embedding_scale: float = 1.0
    logits_scale: float = 1.0
    logits_cap: float | None = None

    def attentions(self) -> list[tuple[int, int, AttentionSpec]]:
        """(layer, index in the layer, spec) of every attention, in order: the order of the KV pool."""
        return [
            (number, index, mixer)
            for number, layer in enumerate(self.layers)
            for index, mixer in enumerate(layer.mixers)
            if isinstance(mixer, AttentionSpec)
        ]

    def recurrences(self) -> list[tuple[int, int, Mamba1Spec | Mamba2Spec]]:
        """(layer, index in the layer, spec) of every mixer with a state: the order of the slot pool."""
        return [
            (number, index, mixer)
            for number, layer in enumerate(self.layers)
            for index, mixer in enumerate(layer.mixers)
            if isinstance(mixer, Mamba1Spec | Mamba2Spec)
        ]

    @property
    def has_state(self) -> bool:
        return any(
            isinstance(mixer, Mamba1Spec | Mamba2Spec) for layer in self.layers for mixer in layer.mixers
        )

    def is_local(self, spec: AttentionSpec) -> bool:
        """Whether an attention's past lies in the sequence's slot: it sees a window, and there is a slot."""
        return spec.window is not None and self.has_state


@dataclass(frozen=True, slots=True)
class EncoderConfig:
    """A BERT-like encoder. The first token's position is row `first_position` of their table; without
    `token_types` there is no table of them."""

    vocab: int
    width: int
    layers: int
    heads: int
    hidden: int
    positions: int
    token_types: int
    norm_eps: float
    first_position: int = 0

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise ValueError(f"{self.heads} heads do not divide a width of {self.width}")

    @property
    def head_dim(self) -> int:
        return self.width // self.heads

    @property
    def longest(self) -> int:
        """The most tokens of one text."""
        return self.positions - self.first_position


@dataclass(frozen=True, slots=True)
class HeadSpec:
    """What an encoder was trained to tell of a text, or of each token of it.

    A text's first token goes through a layer of its own with `squash` before it. `exclusive`: exactly one label
    holds; otherwise each holds or not.
    """

    labels: tuple[str, ...]
    over: Literal["text", "token"]
    squash: Literal["tanh", "relu"] = "tanh"
    exclusive: bool = True
