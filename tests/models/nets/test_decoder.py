"""The decoder: equal to transformers on the same weights, however a conversation is cut into steps."""

from functools import cache
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from secretariat.models.core import ChatMessage
from secretariat.models.nets.batch import StepBatch
from secretariat.models.nets.config import AttentionSpec, DecoderConfig, LayerSpec, MlpSpec
from secretariat.models.nets.decoder import Decoder
from secretariat.models.nets.kv import KVPool
from tests.support.weights import chat_model

PROMPTS = [
    "What is the capital of France?",
    "The supplier shall deliver within 30 days. " * 12,
    "日本語 and 🫠",
]
Work = list[tuple[torch.Tensor, torch.Tensor, list[int]]]  # (slots of the request, tokens so far, new tokens)


def step(work: Work) -> StepBatch:
    """A batch of requests; the last row of each is wanted."""
    new = [torch.tensor(tokens) for _, _, tokens in work]
    ends = torch.tensor([len(tokens) for tokens in new]).cumsum(0)
    begins = [len(past) for _, past, _ in work]
    positions = [torch.arange(begin, begin + len(tokens)) for begin, tokens in zip(begins, new, strict=True)]
    return StepBatch(
        tokens_N=torch.cat(new),
        positions_N=torch.cat(positions),
        slots_N=torch.cat([slots[at] for (slots, _, _), at in zip(work, positions, strict=True)]),
        q_starts=(0, *ends.tolist()),
        context_slots=tuple(
            slots[: begin + len(tokens)]
            for (slots, _, _), begin, tokens in zip(work, begins, new, strict=True)
        ),
        logits_rows=ends - 1,
    )


def run(
    decoder: Decoder, kv: KVPool, slots: torch.Tensor, tokens: list[int], cuts: list[int]
) -> torch.Tensor:
    """Logits after each piece of `tokens` cut at `cuts`; the last are those of the whole."""
    edges = [0, *cuts, len(tokens)]
    rows = [
        decoder(step([(slots, torch.empty(begin), tokens[begin:end])]), kv) for begin, end in pairwise(edges)
    ]
    return torch.cat(rows)


@cache
def tiny() -> Decoder:
    """Grouped heads, two layers, an untied head; random weights large enough to matter."""
    torch.manual_seed(3)
    layer = LayerSpec(AttentionSpec(heads=6, kv_heads=2, head_dim=8, rope_theta=1000.0), MlpSpec(40))
    decoder = Decoder(DecoderConfig(97, 48, (layer, layer), 1e-5, 256, tied_embeddings=False))
    for parameter in decoder.parameters():
        parameter.normal_(std=0.3)
    return decoder.double()


@pytest.mark.weights
@pytest.mark.parametrize("prompt", PROMPTS)
def test_logits_are_those_of_transformers(prompt):
    chat = chat_model()
    ids = chat.encode_chat([ChatMessage("user", prompt)])
    kv = KVPool(chat.decoder.config, pages=-(-len(ids) // 16))
    batch = step([(torch.arange(len(ids)), torch.empty(0), ids)])
    everything = StepBatch(
        **{name: getattr(batch, name) for name in batch.__slots__ if name != "logits_rows"},
        logits_rows=torch.arange(len(ids)),
    )
    ours = chat.decoder(everything, kv)
    with torch.inference_mode():
        theirs = transformers_llama()(torch.tensor([ids])).logits[0]
    assert (ours - theirs).abs().max() < 1e-3
    assert ours.dtype == torch.float32


@cache
def transformers_llama():
    """transformers' own network with our dequantised weights, its fused matrices taken apart."""
    from transformers import LlamaConfig, LlamaForCausalLM

    decoder = chat_model().decoder
    config, spec = decoder.config, decoder.config.layers[0]
    with torch.device("meta"):
        theirs = LlamaForCausalLM(
            LlamaConfig(
                vocab_size=config.vocab,
                hidden_size=config.width,
                intermediate_size=spec.feed_forward.hidden,
                num_hidden_layers=len(config.layers),
                num_attention_heads=spec.mixer.heads,
                num_key_value_heads=spec.mixer.kv_heads,
                head_dim=spec.mixer.head_dim,
                max_position_embeddings=config.context_length,
                rms_norm_eps=config.norm_eps,
                rope_parameters={"rope_type": "default", "rope_theta": spec.mixer.rope_theta},
                tie_word_embeddings=True,
            )
        )
    state = {"model.embed_tokens.weight": decoder.embedding.weight, "model.norm.weight": decoder.norm.weight}
    state["lm_head.weight"] = decoder.embedding.weight
    for index, layer in enumerate(decoder.layers):
        prefix = f"model.layers.{index}"
        state[f"{prefix}.input_layernorm.weight"] = layer.mixer_norm.weight
        state[f"{prefix}.post_attention_layernorm.weight"] = layer.feed_forward_norm.weight
        kv = spec.mixer.kv_heads * spec.mixer.head_dim
        for name, part in zip("qkv", layer.mixer.qkv.weight.split([config.width, kv, kv]), strict=True):
            state[f"{prefix}.self_attn.{name}_proj.weight"] = part
        state[f"{prefix}.self_attn.o_proj.weight"] = layer.mixer.out.weight
        gate, up = layer.feed_forward.gate_up.weight.chunk(2)
        state |= {f"{prefix}.mlp.gate_proj.weight": gate, f"{prefix}.mlp.up_proj.weight": up}
        state[f"{prefix}.mlp.down_proj.weight"] = layer.feed_forward.down.weight
    theirs.load_state_dict(state, assign=True)
    rotary = type(theirs.model.rotary_emb)(theirs.config)  # buffers are not in the state: off the meta device
    theirs.model.rotary_emb = rotary
    return theirs.eval()


@pytest.mark.weights
def test_the_model_answers_and_stops():
    chat = chat_model()
    ids = chat.encode_chat([ChatMessage("user", "What is the capital of France?")])
    kv = KVPool(chat.decoder.config, pages=8)
    slots = torch.arange(128)
    past, new = 0, ids
    answer: list[int] = []
    while not answer or answer[-1] not in chat.eos_ids:
        logits = chat.decoder(step([(slots, torch.empty(past), new)]), kv)
        past, new = past + len(new), [int(logits.argmax())]
        answer += new
    assert chat.tokenizer.decode(answer) == "The capital of France is Paris."


@given(cuts=st.lists(st.integers(1, 39), max_size=6, unique=True).map(sorted), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_any_cutting_into_chunks_gives_the_same_logits(cuts, seed):
    decoder = tiny()
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randint(97, (40,), generator=generator).tolist()
    kv = KVPool(decoder.config, pages=5, dtype=torch.float64)
    whole = run(decoder, kv, torch.arange(40), tokens, [])
    scattered = torch.randperm(kv.slots, generator=generator)[:40]
    other = KVPool(decoder.config, pages=5, dtype=torch.float64)
    pieces = run(decoder, other, scattered, tokens, cuts)
    torch.testing.assert_close(pieces[-1], whole[-1], rtol=1e-6, atol=1e-6)


def test_token_by_token_is_the_whole():
    decoder = tiny()
    tokens = torch.randint(97, (25,), generator=torch.Generator().manual_seed(5)).tolist()
    kv = KVPool(decoder.config, pages=2, dtype=torch.float64)
    each = run(decoder, kv, torch.arange(32), tokens, list(range(1, 25)))
    for end in (1, 7, 25):
        whole = run(
            decoder, KVPool(decoder.config, 2, dtype=torch.float64), torch.arange(32), tokens[:end], []
        )
        torch.testing.assert_close(each[end - 1], whole[-1], rtol=1e-6, atol=1e-6)


def test_requests_in_one_step_do_not_disturb_each_other():
    """Two decoding requests of unlike length, one fresh prefill and one continued, in one step."""
    decoder = tiny()
    generator = torch.Generator().manual_seed(8)
    pasts, news = [9, 30, 0, 12], [1, 1, 6, 5]
    rows = [
        torch.randint(97, (p + n,), generator=generator).tolist() for p, n in zip(pasts, news, strict=True)
    ]
    kv = KVPool(decoder.config, pages=10, dtype=torch.float64)
    for tensor in (*kv.keys, *kv.values):
        tensor.fill_(1e9)  # what another tenant left behind; a wrong read shows
    free = torch.randperm(kv.slots, generator=generator)
    slots = [free[40 * index : 40 * index + 40] for index in range(4)]
    for row, past, own in zip(rows, pasts, slots, strict=True):
        if past:
            decoder(step([(own, torch.empty(0), row[:past])]), kv)
    work = [(own, torch.empty(past), row[past:]) for own, past, row in zip(slots, pasts, rows, strict=True)]
    together = decoder(step(work), kv)
    for row, logits in zip(rows, together, strict=True):
        alone = run(decoder, KVPool(decoder.config, 3, dtype=torch.float64), torch.arange(48), row, [])
        torch.testing.assert_close(logits, alone[-1], rtol=1e-6, atol=1e-6)


def test_a_pool_says_what_it_takes():
    config = tiny().config
    pool = KVPool(config, pages=3)
    assert pool.bytes == 3 * KVPool.bytes_per_page(config)
    assert pool.slots == 48


@pytest.mark.weights
def test_token_by_token_on_the_real_weights_is_the_whole():
    """Few rows go through the packed layers, many through the dense ones."""
    chat = chat_model()
    tokens = chat.tokenizer.encode("Invoices are due thirty days after delivery.")
    pool = [KVPool(chat.decoder.config, pages=2) for _ in range(2)]
    each = run(chat.decoder, pool[0], torch.arange(32), tokens, list(range(1, len(tokens))))
    padded = [*tokens, *tokens]
    whole = run(chat.decoder, pool[1], torch.arange(32), padded[:17], [])
    again = run(chat.decoder, pool[0], torch.arange(32), padded[:17], list(range(1, 17)))
    assert len(tokens) < 17
    assert (again[-1] - whole[-1]).abs().max() < 1e-3
    assert torch.equal(again[: len(tokens)], each)
