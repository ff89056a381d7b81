"""A tiny random model with a byte vocabulary: real engine, real network, no weights to fetch."""

from collections.abc import Sequence
from functools import cached_property
from types import MappingProxyType

import torch
from llguidance import LLTokenizer, TokenizerWrapper

from secretariat.models.core import SamplingParams
from secretariat.models.engine.engine import Engine
from secretariat.models.engine.events import Emission
from secretariat.models.engine.grammar import Matcher
from secretariat.models.engine.request import Generation
from secretariat.models.engine.scheduler import Limits
from secretariat.models.engine.vocabulary import Vocabulary
from secretariat.models.errors import ModelError
from secretariat.models.nets.config import AttentionSpec, DecoderConfig, LayerSpec, MlpSpec
from secretariat.models.nets.decoder import Decoder
from secretariat.models.nets.load import LoadedChat, WeightsIdentity
from secretariat.models.tokens.chat import ChatTemplate
from secretariat.models.tokens.detokenizer import Detokenizer

EOS = 256
CONTROL = 257
_WORDS = (b" the", b" of", b"ing", b" span", b"\n\n", b" not", "é".encode(), b" word")
CONFIG = DecoderConfig(
    vocab=272,
    width=32,
    layers=(LayerSpec(AttentionSpec(4, 2, 8, 10000.0), MlpSpec(48)),) * 2,
    norm_eps=1e-5,
    context_length=256,
    tied_embeddings=True,
)


class ToyTokenizer:
    """Bytes, two controls and a few longer tokens, spelled greedily."""

    vocab_size = 258 + len(_WORDS)
    eos_ids = frozenset({EOS})
    eos_id = EOS
    control_ids = frozenset({CONTROL})
    control_tokens = MappingProxyType({"<control>": CONTROL})

    def encode(self, text: str, *, control: bool = False) -> list[int]:
        data, ids = text.encode(), list[int]()
        while data:
            word = next((i for i, w in enumerate(_WORDS) if data.startswith(w)), None)
            ids.append(data[0] if word is None else 258 + word)
            data = data[len(self.token_bytes(ids[-1])) :]
        return ids

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(self.encode(text)) for text in texts]

    def decode(self, ids: Sequence[int]) -> str:
        return b"".join(self.token_bytes(i) for i in ids).decode(errors="replace")

    def token_bytes(self, token: int) -> bytes:
        if token < 256:
            return bytes([token])
        return b"" if token < 258 else _WORDS[token - 258]

    def detokenizer(self) -> Detokenizer:
        return Detokenizer([self.token_bytes(i) for i in range(self.vocab_size)])

    @cached_property
    def llguidance(self) -> LLTokenizer:
        return LLTokenizer(TokenizerWrapper(_Wrapped(self)))


class _Wrapped:
    eos_token_id = EOS
    bos_token_id = None
    special_token_ids = (EOS, CONTROL)

    def __init__(self, tokenizer: ToyTokenizer) -> None:
        names = {EOS: b"<eos>", CONTROL: b"<control>"}
        self.tokens = [names.get(i, tokenizer.token_bytes(i)) for i in range(tokenizer.vocab_size)]
        self._tokenizer = tokenizer

    def __call__(self, text: str | bytes) -> list[int]:
        return self._tokenizer.encode(text if isinstance(text, str) else text.decode())


def toy_chat(decoder: Decoder) -> LoadedChat:
    """What `load_chat_model` returns: a control token opens each message, then come its bytes."""
    return LoadedChat(
        decoder=decoder,
        tokenizer=ToyTokenizer(),
        template=ChatTemplate("{% for message in messages %}<control>{{ message.content }}{% endfor %}"),
        identity=WeightsIdentity("toy", "0" * 64, "float32"),
        context_length=CONFIG.context_length,
        eos_ids=frozenset({EOS}),
    )


def random_decoder(seed: int = 0) -> Decoder:
    decoder = Decoder(CONFIG)
    draw = torch.Generator().manual_seed(seed)
    for parameter in decoder.parameters():
        if parameter.dim() > 1:
            parameter.copy_(torch.randn(parameter.shape, generator=draw) * 0.3)
        else:
            parameter.fill_(1.0)
    return decoder


VOCABULARY = Vocabulary.of(ToyTokenizer(), frozenset({EOS}))


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
    return Engine(random_decoder(seed), VOCABULARY, pages=pages, limits=limits)


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
