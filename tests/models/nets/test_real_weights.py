"""SmolLM2's own weights through the torch network, against transformers and against what the model should say."""

from functools import cache

import numpy as np
import pytest
import torch

from secretariat.models.core import ChatMessage
from secretariat.models.nets.batch import Run
from secretariat.models.nets.decoder import TorchNetwork
from secretariat.models.nets.load import load_chat_model
from secretariat.models.nets.memory import MemorySize
from tests.models.nets.tiny import batch, feed, pages
from tests.support.weights import CHAT, weights

pytestmark = pytest.mark.weights
PROMPTS = [
    "What is the capital of France?",
    "The supplier shall deliver within 30 days. " * 12,
    "日本語 and 🫠",
]
PAGES = np.random.default_rng(0).permutation(16).astype(np.int32)


@cache
def chat():
    loaded = load_chat_model(weights(CHAT), backend="torch")
    assert isinstance(loaded.network, TorchNetwork)
    loaded.network.allocate(MemorySize(pages=16, slots=0))
    return loaded


@cache
def transformers_llama():
    """transformers' own network with our dequantised weights, its fused matrices taken apart."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config, ours = chat().network.config, chat().network.decoder.state_dict()
    (attention,), feed_forward = config.layers[0].mixers, config.layers[0].feed_forward
    with torch.device("meta"):
        theirs = LlamaForCausalLM(
            LlamaConfig(
                vocab_size=config.vocab,
                hidden_size=config.width,
                intermediate_size=feed_forward.hidden,
                num_hidden_layers=len(config.layers),
                num_attention_heads=attention.heads,
                num_key_value_heads=attention.kv_heads,
                head_dim=attention.head_dim,
                max_position_embeddings=config.context_length,
                rms_norm_eps=config.norm.eps,
                rope_parameters={"rope_type": "default", "rope_theta": attention.rope.theta},
                tie_word_embeddings=True,
            )
        )
    state = {"model.embed_tokens.weight": ours["embedding.weight"], "lm_head.weight": ours["head.weight"]}
    state["model.norm.weight"] = ours["norm.weight"]
    kv = attention.kv_heads * attention.head_dim
    for index in range(len(config.layers)):
        prefix, own = f"model.layers.{index}", f"layers.{index}"
        state[f"{prefix}.input_layernorm.weight"] = ours[f"{own}.norm.weight"]
        state[f"{prefix}.post_attention_layernorm.weight"] = ours[f"{own}.feed_forward_norm.weight"]
        qkv = ours[f"{own}.mixers.0.qkv.weight"].split([config.width, kv, kv])
        state |= {
            f"{prefix}.self_attn.{name}_proj.weight": part for name, part in zip("qkv", qkv, strict=True)
        }
        state[f"{prefix}.self_attn.o_proj.weight"] = ours[f"{own}.mixers.0.out.weight"]
        gate, up = ours[f"{own}.feed_forward.gate_up.weight"].chunk(2)
        state |= {f"{prefix}.mlp.gate_proj.weight": gate, f"{prefix}.mlp.up_proj.weight": up}
        state[f"{prefix}.mlp.down_proj.weight"] = ours[f"{own}.feed_forward.down.weight"]
    theirs.load_state_dict(state, assign=True)
    rotary = type(theirs.model.rotary_emb)(theirs.config)  # buffers are not in the state: off the meta device
    theirs.model.rotary_emb = rotary
    return theirs.eval()


@pytest.mark.parametrize("prompt", PROMPTS)
def test_logits_are_those_of_transformers(prompt):
    ids = chat().encode_chat([ChatMessage("user", prompt)])
    with torch.inference_mode():
        theirs = transformers_llama()(torch.tensor([ids])).logits[0]
    for cuts in ([], [1, 20]):
        ours = feed(chat().network, ids, PAGES, cuts=cuts)
        assert (ours - theirs).abs().max() <= 1e-4 * theirs.abs().max()


def test_the_model_answers_and_stops():
    network, answer = chat().network, list[int]()
    ids = chat().encode_chat([ChatMessage("user", "What is the capital of France?")])
    past, new = 0, ids
    while not answer or answer[-1] not in chat().eos_ids:
        logits = network.forward(batch((Run(past, len(new), PAGES), new)))
        past, new = past + len(new), [int(logits[-1].argmax())]
        answer += new
    assert chat().tokenizer.decode(answer) == "The capital of France is Paris."


def test_bfloat16_weights_and_pages_say_the_same():
    network = load_chat_model(weights(CHAT), backend="torch", form="bfloat16").network
    network.allocate(MemorySize(pages=4, slots=0, kv_dtype=torch.bfloat16))
    ids = chat().encode_chat([ChatMessage("user", "What is the capital of France?")])
    assert int(feed(network, ids, pages(2, 0, 1, 3))[-1].argmax()) == chat().tokenizer.encode("The")[0]
