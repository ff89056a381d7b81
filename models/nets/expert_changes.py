"""The tensors of a mixture of low-rank changes, as a file of changes stores them beside those of the base.

`model.layers.N.mlp.router.weight` [X, E], and below `model.layers.N.mlp.experts.` for each of gate_proj, up_proj
and down_proj `downs` [X, R, I] and `ups` [X, R, O], the scale in `ups`. Knows no files.

Shape letters: X experts, R rank, I inputs, O outputs, E model width.
"""

from collections.abc import Iterator, Mapping

from secretariat.models.errors import ModelError
from secretariat.models.nets.config import DecoderConfig, LowRankMoeSpec
from secretariat.models.nets.weights import Source, Weights


def parted(tensors: Mapping[str, Source], config: DecoderConfig) -> tuple[Weights, Mapping[str, Source]]:
    """Those of the mixtures by our names, and all others as they are. Raises ModelError("checkpoint_invalid") for
    one that is missing or has another shape."""
    found: dict[str, Source] = {}
    rest = dict(tensors)
    for theirs, ours, shape in expert_tensors(config):
        if theirs not in rest:
            raise ModelError("checkpoint_invalid", f"tensor {theirs} is missing")
        source = rest.pop(theirs)
        if source.shape != shape:
            raise ModelError("checkpoint_invalid", f"tensor {theirs} has shape {source.shape}, not {shape}")
        found[ours] = source
    return found, rest


def expert_tensors(config: DecoderConfig) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """Stored name, ours and shape of each."""
    for number, layer in enumerate(config.layers):
        spec = layer.feed_forward
        if not isinstance(spec, LowRankMoeSpec):
            continue
        theirs, ours = f"model.layers.{number}.mlp.", f"layers.{number}.feed_forward."
        count, width, hidden = spec.router.experts, config.width, spec.mlp.hidden
        yield f"{theirs}router.weight", f"{ours}router.weight", (count, width)
        for part, inputs, outputs in (
            ("gate", width, hidden), ("up", width, hidden), ("down", hidden, width),
        ):  # fmt: skip
            for half, size in (("downs", inputs), ("ups", outputs)):
                shape = (count, spec.rank, size)
                yield f"{theirs}experts.{part}_proj.{half}", f"{ours}experts.{part}.{half}", shape
