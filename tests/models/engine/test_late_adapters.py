"""An adapter that acts on the answer alone: the prompt is the base's, shared with it, and nothing leaks back."""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from secretariat.models.core import (
    CallContext,
    ChatMessage,
    ChatRequest,
    ChatResult,
    Expert,
    GroundingDocument,
    SamplingParams,
)
from secretariat.models.engine.local import EngineOptions, LocalChat
from secretariat.models.engine.scheduler import Limits
from secretariat.models.errors import ModelError
from secretariat.models.kernels.library import library
from secretariat.models.nets.adapters import AdapterPlan, Lora, LowRank
from secretariat.models.nets.batch import Run, StepBatch
from secretariat.models.nets.config import DecoderConfig
from secretariat.models.nets.decoder import TorchNetwork
from secretariat.models.nets.memory import MemorySize
from secretariat.models.nets.native.network import NativeNetwork
from secretariat.models.nets.network import Network
from secretariat.models.nets.weights import Values
from secretariat.models.tokens.chat import ChatTemplate
from tests.models.engine.hybrid import HYBRID
from tests.models.engine.toy import CONFIG, toy_chat
from tests.models.nets.tiny import random_decoder

ACTS = {"whole": "always", "late": "answer", "other": "answer", "asked": "question"}
SETTINGS = '{"peft_type": "LORA", "r": 4, "lora_alpha": 64, "acts": "%s"}'
TEMPLATE = (
    "{% for message in messages %}<control>{{ message.content }}{% endfor %}"
    "{% if add_generation_prompt %}<control>:{% endif %}"
)
WORDS = "the first thing that the sources say about the matter is said here at some length"
CALL = CallContext("a", "r")


def network(config: DecoderConfig) -> Network:
    decoder, compiled = random_decoder(config, 0, std=0.3), library()
    plan = AdapterPlan(rows=len(ACTS), rank=4)
    if compiled is None:
        return TorchNetwork(decoder, adapters=plan)
    weights = {name: Values(tensor.numpy()) for name, tensor in decoder.state_dict().items()}
    return NativeNetwork(config, weights, compiled, threads=1, adapters=plan)


def adapter_folder(folder: Path, acts: str, config: DecoderConfig, seed: int) -> Path:
    from secretariat.models.adapters.modules import mixer_matrices, place_of

    draw = torch.Generator().manual_seed(seed)
    folder.mkdir()
    (folder / "adapter_config.json").write_text(SETTINGS % acts)
    tensors = {}
    for layer in range(len(config.layers)):
        for module in ("self_attn.q_proj", "self_attn.o_proj", "mamba.in_proj", "mamba.out_proj"):
            name = f"base_model.model.model.layers.{layer}.{module}"
            place = place_of(name, config)
            if place is not None and place.matrix in mixer_matrices(layer, config):
                tensors[f"{name}.lora_A.weight"] = torch.randn(4, place.inputs, generator=draw)
                tensors[f"{name}.lora_B.weight"] = torch.randn(place.count, 4, generator=draw)
    save_file(tensors, folder / "adapter_model.safetensors")
    return folder


@dataclass
class Served:
    chat: LocalChat
    config: DecoderConfig

    def ask(self, words: str, adapter: str | None = None, **more: Any) -> ChatResult:
        asked = ChatRequest(
            (ChatMessage("user", words),), adapter=adapter, sampling=SamplingParams(max_tokens=12), **more
        )
        return asyncio.run(self.chat.chat(asked, CALL))


@pytest.fixture(params=["attention", "hybrid"])
def served(request: pytest.FixtureRequest, tmp_path: Path):
    config = CONFIG if request.param == "attention" else HYBRID
    loaded = replace(toy_chat(network(config)), template=ChatTemplate(TEMPLATE), context_length=512)
    chat = LocalChat(loaded, EngineOptions(limits=Limits(gap=16))).start()
    assert chat.adapters is not None
    for seed, (name, acts) in enumerate(ACTS.items()):
        chat.adapters.load(name, adapter_folder(tmp_path / name, acts, config, seed))
    yield Served(chat, config)
    chat.close()


def test_it_answers_from_the_bases_prompt_whoever_computed_that(served: Served):
    cold = served.ask(WORDS, "late")
    plain = served.ask(WORDS + "!")
    assert served.ask(WORDS, "late").text == cold.text
    fresh = served.ask(WORDS + "?", "late")
    assert fresh.usage.cached_tokens >= 48, "the base's prompt is the late adapter's"
    served.chat.engine.forget("a")
    assert served.ask(WORDS + "?", "late").text == fresh.text
    assert served.ask(WORDS + "!").text == plain.text
    assert served.ask(WORDS, "other").text != cold.text


def test_the_base_and_other_adapters_answer_as_if_it_had_never_been(served: Served):
    before = {name: served.ask(WORDS, name).text for name in (None, "whole", "other")}
    served.chat.engine.forget("a")
    for _ in range(2):
        served.ask(WORDS, "late")
    assert {name: served.ask(WORDS, name).text for name in (None, "whole", "other")} == before


def test_one_that_acts_on_the_question_shares_the_documents_before_it(served: Served):
    documents = (GroundingDocument("1", WORDS), GroundingDocument("2", WORDS + ", and more"))
    plain = served.ask("What is said?", documents=documents)
    asked = served.ask("What is said?", "asked", documents=documents)
    late = served.ask("What is said?", "late", documents=documents)
    assert 96 <= asked.usage.cached_tokens <= late.usage.cached_tokens
    assert asked.text not in (plain.text, late.text)
    served.chat.engine.forget("a")
    assert served.ask("What is said?", "asked", documents=documents).text == asked.text
    assert served.ask("What is said?", documents=documents).text == plain.text


def test_without_documents_it_acts_on_the_answer(served: Served):
    served.ask(WORDS)
    assert served.ask(WORDS + "?", "asked").usage.cached_tokens >= 48


def test_a_single_pass_adapter_shares_nothing_with_the_base(served: Served):
    served.ask(WORDS)
    served.ask(WORDS, "late")
    assert served.ask(WORDS, "whole").usage.cached_tokens == 0


def test_its_numbers_are_those_of_a_base_prompt_and_an_adapted_answer():
    """Against the network driven by hand: two runs of one sequence with a row each."""
    net = network(CONFIG)
    if net.adapters is None or not net.arithmetic.exact:
        pytest.skip("needs the compiled backend")
    draw = torch.Generator().manual_seed(3)
    lora = Lora(
        "x", "0" * 64,
        tuple(LowRank(f"layers.{n}.mixers.0.out", 0, torch.randn(4, 32, generator=draw),
                      torch.randn(32, 4, generator=draw)) for n in range(2)),
        "answer",
    )  # fmt: skip
    net.allocate(MemorySize(pages=8, slots=0))
    net.adapters.set(1, lora)
    tokens, pages = np.arange(40, dtype=np.int32), np.arange(8, dtype=np.int32)

    def run(*pieces: tuple[int, int, int]) -> torch.Tensor:
        for start, stop, row in pieces:
            last = np.array([stop - start - 1], np.int32)
            batch = StepBatch(tokens[start:stop], (Run(start, stop - start, pages, adapter=row),), last)
            logits = net.forward(batch).clone()
        return logits

    late = run((0, 39, 0), (39, 40, 1))
    assert not torch.equal(late, run((0, 40, 1)))
    assert not torch.equal(late, run((0, 40, 0)))
    assert torch.equal(late, run((0, 17, 0), (17, 39, 0), (39, 40, 1)))


def test_of_several_experts_one_answers_as_if_it_had_been_named(served: Served):
    experts = (Expert("plain", "small talk"), Expert("late", "facts", "late"), Expert("other", "x", "other"))
    named = {e.name: served.ask(WORDS, e.adapter).text for e in experts}
    served.chat.engine.forget("a")
    for _ in range(2):
        result = served.ask(WORDS, experts=experts)
        assert result.expert is not None
        assert result.text == named[result.expert]
        shared = (result.usage.prompt_tokens - 2) // 16 * 16
        assert result.usage.cached_tokens >= shared, "the prompt is computed once for both passes"


def test_only_experts_for_the_form_of_a_request_are_asked_about(served: Served):
    other = Expert("other", "labels", "other", ("choice",))
    alone = served.ask(WORDS, experts=(Expert("late", "facts", "late", ("free",)), other))
    assert (alone.expert, alone.text) == ("late", served.ask(WORDS, "late").text)
    named = (Expert("plain", "small talk"), Expert("late", "facts", "late"))
    of_all, of_two = (served.ask(WORDS, experts=(*named, *more)) for more in ((other,), ()))
    assert (of_all.expert, of_all.text) == (of_two.expert, of_two.text), "nothing was said of the third"
    nobodys = tuple(Expert(name, "labels", name, ("choice",)) for name in ("late", "other"))
    assert served.ask(WORDS, experts=nobodys).expert in ("late", "other"), "none is meant"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"experts": (Expert("a", "x"),)}, "invalid_request"),
        ({"experts": (Expert("a", "x"), Expert("a", "y"))}, "invalid_request"),
        ({"experts": (Expert("a", "x"), Expert("b", "y", "nobody"))}, "adapter_not_found"),
        ({"experts": (Expert("a", "x"), Expert("b", "y")), "adapter": "late"}, "invalid_request"),
    ],
)
def test_experts_that_cannot_be_chosen_among_are_said(served: Served, more: dict[str, Any], code: str):
    with pytest.raises(ModelError) as caught:
        served.ask(WORDS, **more)
    assert caught.value.code == code


def test_one_that_was_put_back_goes_on_with_the_same_words(served: Served):
    """Many at once in little memory: some are preempted behind the point where the adapter began."""
    questions = [f"{WORDS} {number}" for number in range(6)]
    alone = [served.ask(words, "late").text for words in questions]
    served.chat.engine.forget("a")

    async def together() -> list[str]:
        asked = [
            ChatRequest((ChatMessage("user", words),), adapter="late", sampling=SamplingParams(max_tokens=12))
            for words in questions
        ]
        return [result.text for result in await asyncio.gather(*(served.chat.chat(a, CALL) for a in asked))]

    assert asyncio.run(together()) == alone
