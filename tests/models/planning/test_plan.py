"""Plans: what others published of public models, and what a network really allocates."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from secretariat.models.errors import ModelError
from secretariat.models.kernels.library import library
from secretariat.models.kernels.linear.packing import pack
from secretariat.models.nets.architectures.registry import adapter_of
from secretariat.models.nets.config import DecoderConfig, LayerSpec, Mamba1Spec, MoeSpec, NormSpec, RouterSpec
from secretariat.models.nets.memory import Memory, MemorySize
from secretariat.models.nets.native.network import NativeNetwork
from secretariat.models.nets.weights import Values
from secretariat.models.planning.plan import FORMS, Demand, largest_batch, longest_context, plan
from secretariat.models.planning.sizes import bytes_of, tokens_of
from tests.models.nets.tiny import random_decoder
from tests.support.weights import CHAT, models_dir, weights

GIB = 1 << 30
JAMBA = {  # ai21labs/Jamba-v0.1
    "model_type": "jamba", "vocab_size": 65536, "hidden_size": 4096, "intermediate_size": 14336,
    "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "hidden_act": "silu",
    "rms_norm_eps": 1e-06, "max_position_embeddings": 262144, "num_experts": 16, "num_experts_per_tok": 2,
    "expert_layer_period": 2, "expert_layer_offset": 1, "attn_layer_period": 8, "attn_layer_offset": 4,
    "mamba_d_state": 16, "mamba_d_conv": 4, "mamba_expand": 2, "mamba_dt_rank": 256, "mamba_conv_bias": True,
    "mamba_proj_bias": False, "tie_word_embeddings": False, "sliding_window": None, "use_mamba_kernels": True,
}  # fmt: skip
MIXTRAL = {  # mistralai/Mixtral-8x7B-v0.1
    "model_type": "mixtral", "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 14336,
    "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "hidden_act": "silu",
    "rms_norm_eps": 1e-05, "max_position_embeddings": 32768, "num_local_experts": 8, "num_experts_per_tok": 2,
    "rope_theta": 1000000.0, "sliding_window": None, "tie_word_embeddings": False,
}  # fmt: skip
GRANITE = {  # ibm-granite/granite-4.0-h-350m
    "model_type": "granitemoehybrid", "vocab_size": 100352, "hidden_size": 768, "intermediate_size": 2048,
    "num_hidden_layers": 32, "num_attention_heads": 12, "num_key_value_heads": 4, "hidden_act": "silu",
    "rms_norm_eps": 1e-05, "max_position_embeddings": 32768, "num_local_experts": 0, "num_experts_per_tok": 0,
    "shared_intermediate_size": 2048, "position_embedding_type": "nope", "rope_theta": 10000,
    "layer_types": ["attention" if i in (10, 13, 17, 27) else "mamba" for i in range(32)],
    "mamba_n_heads": 48, "mamba_d_head": 32, "mamba_d_state": 128, "mamba_n_groups": 1, "mamba_d_conv": 4,
    "mamba_expand": 2, "mamba_chunk_size": 256, "attention_multiplier": 0.015625, "logits_scaling": 3,
    "embedding_multiplier": 12, "residual_multiplier": 0.246, "tie_word_embeddings": True,
}  # fmt: skip
LONG = Demand(context=262144, kv_itemsize=2)


def config(values):
    return adapter_of(values).decoder_config(values)


def test_the_published_cache_of_256k_tokens():
    """arXiv:2403.19887, table 1: 4 GB for Jamba, 32 GB for Mixtral."""
    assert plan(config(JAMBA), LONG).kv == 4 * GIB
    assert plan(config(MIXTRAL), LONG).kv == 32 * GIB


def test_the_published_numbers_of_parameters():
    assert plan(config(JAMBA), LONG).parameters == pytest.approx(52e9, rel=0.02)
    assert plan(config(MIXTRAL), LONG).parameters == pytest.approx(46.7e9, rel=0.002)
    assert plan(config(GRANITE), LONG).parameters == pytest.approx(340e6, rel=0.02)


def test_states_and_pages_are_what_memory_is_made_of():
    small = config({**GRANITE, "num_hidden_layers": 3, "layer_types": ["mamba", "attention", "mamba"]})
    made = plan(small, Demand(context=50, batch=3))
    memory = Memory(small, MemorySize(pages=3 * 4, slots=3))
    assert made.kv == sum(tensor.nbytes for tensor in (*memory.keys, *memory.values))
    assert made.state == sum(tensor.nbytes for tensor in (*memory.conv, *memory.recurrent))


def test_windows_of_a_hybrid_take_no_page():
    """SmolLM2's shape with 24 layers of 256 tokens and sinks: what a sequence of 8,192 takes against all dense."""
    llama = {
        "model_type": "llama", "vocab_size": 97, "hidden_size": 576, "intermediate_size": 64,
        "num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3, "hidden_act": "silu",
        "max_position_embeddings": 8192,
    }  # fmt: skip
    own = {
        "hybrid_layers": [i for i in range(30) if i % 5], "window": 256, "sinks": 4, "mamba_heads": 9,
        "mamba_head_dim": 64, "mamba_state": 64, "mamba_groups": 3, "mamba_conv": 4, "mamba_gate": "none",
    }  # fmt: skip
    hybrid, demand = config({**llama, **own, "model_type": "secretariat_h"}), Demand(8192, kv_itemsize=2)
    made, dense = plan(hybrid, demand), plan(config(llama), demand)
    each = made.state // 2  # beside the null slot
    assert made.kv + each < dense.kv / 3
    assert (made.kv, dense.state) == (dense.kv // 5, 0)
    memory = Memory(hybrid, MemorySize(pages=512, slots=1, kv_dtype=torch.bfloat16))
    held = (*memory.keys, *memory.values, *memory.conv, *memory.recurrent)
    assert made.kv + made.state == sum(tensor.nbytes for tensor in held)
    assert largest_batch(hybrid, demand, dense.kv) == 3


def test_what_fits_on_a_device():
    jamba, room = config(JAMBA), 80 * GIB
    made = plan(jamba, LONG)
    assert made.total("bfloat16") < room < made.total("float32")
    left = room - made.weights["q8"] - made.workspace - made.state
    assert longest_context(jamba, LONG, left) == 262144
    assert longest_context(jamba, LONG, 2 * GIB) == 131072
    assert longest_context(jamba, LONG, -1) == 0
    assert largest_batch(jamba, LONG, 9 * GIB) == 2
    assert largest_batch(jamba, LONG, GIB) == 0


@pytest.mark.skipif(library() is None, reason="needs a C++ compiler")
@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_planned_as_it_is_held(form):
    """Of widths that divide into groups; Mamba's small projections stay at 8 bits, its router in float32."""
    compiled = library()
    assert compiled is not None
    mamba = Mamba1Spec(inner=64, state=16, conv=4, dt_rank=32)
    moe = MoeSpec(32, RouterSpec(experts=4, top=2))
    shape = DecoderConfig(
        96, 64, (LayerSpec((mamba,), moe, NormSpec()),), NormSpec(), 64, tied_embeddings=False
    )
    state = random_decoder(shape).state_dict()
    weights = {name: Values(tensor.numpy()) for name, tensor in state.items()}
    network = NativeNetwork(shape, weights, compiled, threads=1, form=form)
    held = {name: network._packed[name].nbytes for name in weights if name in network._packed}
    held |= {name: source.array.nbytes for name, source in weights.items() if name not in held}
    router = "layers.0.feed_forward.router.weight"
    held[router] = pack(weights[router], "float32").nbytes
    assert sum(held.values()) == plan(shape, LONG).weights[form]


def said(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=True, timeout=200
    )
    return done.stdout


@pytest.mark.weights
@pytest.mark.skipif(
    not Path("/proc/self/status").is_file(), reason="Linux alone says how much a process took"
)
def test_a_real_model_takes_what_was_planned():
    """Its weights as they are stored, one sequence as long as it can be, and a step of as many tokens as fit."""
    command = ("-m", "secretariat.models.commands", "--models-dir", str(models_dir()), "plan", CHAT)
    planned = {form["form"]: form["total"] for form in json.loads(said(*command))["forms"]}
    measured = int(said(str(Path(__file__).with_name("peak.py")), str(weights(CHAT)), "8192"))
    native = "as stored" if library() is not None else "float32"
    assert planned[native] == pytest.approx(measured, rel=0.1)


@pytest.mark.parametrize(
    ("text", "size"),
    [("80GB", 80 * GIB), ("24 GiB", 24 * GIB), ("1.5t", 1536 * GIB), ("512M", GIB // 2), ("1000", 1000)],
)
def test_sizes_as_people_write_them(text, size):
    assert bytes_of(text) == size


@pytest.mark.parametrize("text", ["", "GB", "80 apples", "-1GB", "1e3"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ModelError) as caught:
        bytes_of(text)
    assert caught.value.code == "invalid_request"


def test_tokens_as_people_write_them():
    assert [tokens_of(text) for text in ("262144", "256K", "1M")] == [262144, 262144, 1 << 20]
    for text in ("", "0", "K", "1.5K"):
        with pytest.raises(ModelError):
            tokens_of(text)


def test_planning_and_building_leave_torch_compiler_alone():
    """A server that loaded it would take seconds longer to start, and 160 MB more for as long as it runs."""
    code = (
        "import sys, torch; from tests.models.nets.tiny import config; "
        "from secretariat.models.nets.decoder import Decoder; torch.set_default_device('meta'); "
        "Decoder(config()); print('torch._dynamo' in sys.modules)"
    )
    assert said("-c", code).strip() == "False"
