"""What learns: nothing at first, the same in the served network once saved, refused where it is little."""

from typing import Any

import pytest
import torch

from secretariat.models.adapters.lora import read_lora
from secretariat.models.adapters.svf import make_basis, read_vector
from secretariat.models.errors import ModelError
from secretariat.models.nets.adapters import AdapterPlan
from secretariat.models.nets.batch import Run
from secretariat.models.nets.config import LayerSpec
from secretariat.models.nets.decoder import TorchNetwork
from secretariat.models.nets.memory import MemorySize
from secretariat.models.training.examples import Example
from secretariat.models.training.forward import hidden
from secretariat.models.training.learnt import Learnt
from secretariat.models.training.loss import loss_sum
from secretariat.models.training.packing import rows_of
from secretariat.models.training.parts import LoraPart, SvfPart, WeightsPart
from tests.models.nets.test_adapters import weights_of
from tests.models.nets.tiny import (
    ATTENTION,
    KINDS,
    MAMBA1,
    MAMBA2,
    MLP,
    MOE,
    NORM,
    batch,
    config,
    pages,
    random_decoder,
    random_tokens,
)

SHAPE = config(
    LayerSpec((MAMBA2,), MLP, NORM),
    LayerSpec((ATTENTION, MAMBA2), MOE, NORM),
    LayerSpec((MAMBA1,), MLP, NORM),
)
TOKENS = random_tokens(21)
ROWS = rows_of([Example(TOKENS, [True] * 21, "a")])


def part_of(kind, decoder) -> Any:
    if kind == "lora":
        return LoraPart(decoder, rank=3, alpha=6, seed=5)
    if kind == "rs":
        return LoraPart(decoder, rank=4, alpha=4, rs=True)
    return SvfPart(decoder, make_basis(weights_of(decoder), decoder.config, 6))


def logits(decoder):
    with torch.no_grad():
        return decoder.head(hidden(decoder, ROWS))[0, :21]


def shaken(learnt):
    """As if something had been learnt."""
    draw = torch.Generator().manual_seed(1)
    learnt.masters.values += 0.3 * torch.randn(learnt.masters.values.shape, generator=draw)
    learnt.synchronise()


def served(decoder, adapter, basis=None):
    network: Any = TorchNetwork(decoder, adapters=AdapterPlan(rows=1, rank=4, basis=basis))
    network.allocate(MemorySize(8, 2, torch.float32))
    network.adapters.set(1, adapter)
    return network.forward(batch((Run(0, 21, pages(1, 2), slot=1, adapter=1), TOKENS)))


@pytest.mark.parametrize("kind", ["lora", "rs", "svf"])
def test_it_begins_as_nothing_and_can_be_set_aside(kind):
    decoder = random_decoder(SHAPE, std=0.3)
    before = logits(decoder)
    learnt = Learnt([part_of(kind, decoder)])
    torch.testing.assert_close(logits(decoder), before, rtol=0, atol=0 if kind != "svf" else 1e-5)
    shaken(learnt)
    assert not torch.allclose(logits(decoder), before)
    with learnt.off():
        assert torch.equal(logits(decoder), before)


@pytest.mark.parametrize("kind", ["lora", "rs", "svf"])
def test_the_served_network_answers_as_the_trained_one(kind, tmp_path):
    decoder = random_decoder(SHAPE, std=0.3)
    part = part_of(kind, decoder)
    learnt = Learnt([part])
    shaken(learnt)
    learnt.save(tmp_path)
    plain: Any = random_decoder(SHAPE, std=0.3)
    basis = None
    if kind == "svf":
        basis = make_basis(weights_of(plain), SHAPE, 6)
    adapter = (
        read_lora(tmp_path, SHAPE) if basis is None else read_vector(tmp_path / "vector.safetensors", basis)
    )
    found, direct = (
        served(plain, adapter, basis),
        served(random_decoder(SHAPE, std=0.3), learnt.adapter("x"), basis),
    )
    torch.testing.assert_close(found, logits(decoder), rtol=1e-4, atol=1e-4)
    assert torch.equal(found, direct)


@pytest.mark.parametrize("kind", ["lora", "svf"])
def test_where_it_does_not_act_the_network_is_the_base(kind):
    decoder = random_decoder(config(LayerSpec((ATTENTION,), MLP, NORM)), std=0.3)
    before = logits(decoder)
    part = part_of(kind, decoder)
    shaken(Learnt([part]))
    part.acting_BT = ROWS.positions_BT >= 10
    found = logits(decoder)
    torch.testing.assert_close(found[:10], before[:10])
    assert not torch.allclose(found[10:], before[10:])


def test_weights_that_learn_keep_wide_masters_of_narrow_copies():
    decoder = random_decoder(KINDS["granite"], std=0.3)
    learnt: Any = Learnt([WeightsPart(decoder, lambda _: True, dtype=torch.bfloat16)])
    assert {value.dtype for value in decoder.state_dict().values()} == {torch.bfloat16}
    last = hidden(decoder, ROWS)
    loss_sum(decoder, last, ROWS).backward()
    assert all(float(leaf.grad.abs().sum()) > 0 for leaf in learnt.masters.named.values())
    weight = decoder.get_parameter("layers.0.norm.weight")
    learnt.masters.named["layers.0.norm.weight"].data += 1e-6
    before = weight.clone()
    learnt.synchronise()
    assert torch.equal(weight, before)  # too little for eight bits: the master remembers it


def test_gradients_of_low_rank_pairs_are_those_of_the_whole_matrix():
    """By the chain rule: of up Gᵀ … through W + up · down."""
    decoder = random_decoder(SHAPE, std=0.3).double()
    whole: Any = random_decoder(SHAPE, std=0.3).double().requires_grad_()
    learnt: Any = Learnt([part_of("lora", decoder)])
    shaken(learnt)
    with torch.no_grad():
        for piece in learnt.adapter("x").pieces:
            weight = whole.get_submodule(piece.matrix).weight
            weight[piece.first : piece.first + len(piece.up_OR)] += (
                piece.up_OR.double() @ piece.down_RI.double()
            )
    for one in (decoder, whole):
        loss_sum(one, hidden(one, ROWS), ROWS).backward()
    part = learnt.parts[0]
    for module, place in part.places.items():
        gradient = whole.get_submodule(place.matrix).weight.grad[place.first : place.first + place.count]
        down, up = (learnt.masters.named[f"{module}.lora_{half}.weight"] for half in "AB")
        torch.testing.assert_close(up.grad.double(), gradient @ down.double().T * 2, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(down.grad.double(), up.double().T @ gradient * 2, rtol=1e-5, atol=1e-5)


def test_an_adapter_is_gone_on_from(tmp_path):
    decoder = random_decoder(SHAPE, std=0.3)
    learnt = Learnt([part_of("lora", decoder)])
    shaken(learnt)
    learnt.save(tmp_path)
    fresh = random_decoder(SHAPE, std=0.3)
    Learnt([LoraPart(fresh, rank=3, alpha=6, start=read_lora(tmp_path, SHAPE))])
    torch.testing.assert_close(logits(fresh), logits(decoder))
    with pytest.raises(ModelError, match="no rank 5"):
        Learnt([LoraPart(random_decoder(SHAPE), rank=5, start=read_lora(tmp_path, SHAPE))])


def test_targets_that_skip_the_mamba_layers_are_refused_loudly():
    attention_only = ("q_proj", "k_proj", "v_proj", "o_proj")
    with pytest.raises(ModelError, match=r"mixers of 1 of 3 layers.*in_proj") as caught:
        LoraPart(random_decoder(SHAPE), targets=attention_only)
    assert caught.value.code == "training_invalid"
    assert LoraPart(random_decoder(SHAPE), targets=attention_only, partial=True).places


def test_a_vector_keeps_the_numbers_it_was_given(tmp_path):
    decoder = random_decoder(SHAPE, std=0.3)
    basis = make_basis(weights_of(decoder), SHAPE, 6)
    learnt = Learnt([SvfPart(decoder, basis)])
    shaken(learnt)
    learnt.save(tmp_path)
    vector = read_vector(tmp_path / "vector.safetensors", basis)
    again = Learnt([SvfPart(random_decoder(SHAPE, std=0.3), basis, start=vector)])
    assert all(
        torch.equal(again.masters.named[key], learnt.masters.named[key]) for key in ("z", "rest", "scale")
    )
