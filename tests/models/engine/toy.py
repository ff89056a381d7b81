"""A tiny random model with a byte vocabulary: real engine, real network, no weights to fetch."""

from collections.abc import Sequence

from secretariat.models.core import SamplingParams
from secretariat.models.engine.engine import Engine
from secretariat.models.engine.events import Emission
from secretariat.models.engine.grammar import Matcher
from secretariat.models.engine.request import Generation
from secretariat.models.engine.scheduler import Limits
from secretariat.models.engine.store import EngineMemory
from secretariat.models.errors import ModelError
from secretariat.models.nets.config import (
    AttentionSpec,
    DecoderConfig,
    LayerSpec,
    MlpSpec,
    NormSpec,
    RopeSpec,
)
from secretariat.models.nets.decoder import Decoder, TorchNetwork
from secretariat.models.nets.load import LoadedChat, WeightsIdentity
from secretariat.models.nets.network import Network
from secretariat.models.tokens.chat import ChatTemplate
from tests.models.engine.toy_vocabulary import CONTROL, EOS, VOCABULARY, ToyTokenizer
from tests.models.nets.tiny import random_decoder as random_decoder_of

__all__ = [
    "CONFIG", "CONTROL", "EOS", "VOCABULARY", "Asked", "finish", "new_engine", "random_decoder", "random_network",
    "run", "toy_chat",
]  # fmt: skip
CONFIG = DecoderConfig(
    vocab=272,
    width=32,
    layers=(LayerSpec((AttentionSpec(4, 2, 8, RopeSpec(10000.0, 8)),), MlpSpec(48), NormSpec()),) * 2,
    norm=NormSpec(),
    context_length=256,
    tied_embeddings=True,
)


def toy_chat(network: Network) -> LoadedChat:
    """What `load_chat_model` returns: a control token opens each message, then come its bytes."""
    return LoadedChat(
        network=network,
        tokenizer=ToyTokenizer(),
        template=ChatTemplate("{% for message in messages %}<control>{{ message.content }}{% endfor %}"),
        identity=WeightsIdentity("toy", "0" * 64, "float32"),
        context_length=CONFIG.context_length,
        eos_ids=frozenset({EOS}),
    )


def random_decoder(seed: int = 0) -> Decoder:
    return random_decoder_of(CONFIG, seed, std=0.3)


def random_network(seed: int = 0) -> TorchNetwork:
    return TorchNetwork(random_decoder(seed))


class Asked:
    """A submitted generation and everything the engine said about it."""

    def __init__(
        self,
        prompt: Sequence[int],
        sampling: SamplingParams,
        *,
        tenant: str = "a",
        matcher: Matcher | None = None,
        deadline: float | None = None,
    ) -> None:
        self.events: list[Emission | ModelError] = []
        self.generation = Generation(tenant, tuple(prompt), sampling, self.events.append, matcher, deadline)

    @property
    def done(self) -> bool:
        return self.generation.over

    @property
    def tokens(self) -> list[int]:
        return self.generation.tokens[len(self.generation.prompt) :]

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, Emission))

    @property
    def last(self) -> Emission | ModelError:
        return self.events[-1]


def new_engine(*, pages: int = 64, limits: Limits | None = None, seed: int = 0) -> Engine:
    return Engine(random_network(seed), VOCABULARY, memory=EngineMemory(pages), limits=limits)


def run(engine: Engine, *asked: Asked) -> None:
    """Submit all and step in this thread until all are done: deterministic, no sleeping."""
    for one in asked:
        engine.submit(one.generation)
    finish(engine, *asked)


def finish(engine: Engine, *asked: Asked) -> None:
    for _ in range(2000):
        if all(one.done for one in asked):
            return
        engine.step()
    raise AssertionError("the engine never finished")
