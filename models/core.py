"""The words that callers and model server share: messages, sampling, constraints, results.

Knows nothing of tenants' data, of HTTP or of torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Role = Literal["system", "user", "assistant"]
FinishReason = Literal["stop", "length", "cancelled"]


@dataclass(frozen=True, slots=True)
class ChatMessage:
    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class JsonSchemaConstraint:
    """The output is one JSON value that the schema accepts (JSON Schema 2020-12, as text)."""

    schema: str


@dataclass(frozen=True, slots=True)
class VerbatimSpanConstraint:
    """The output is `otherwise`, or a contiguous run of words copied from one of `texts`."""

    texts: tuple[str, ...]
    otherwise: str | None = None


@dataclass(frozen=True, slots=True)
class Sentence:
    """Characters start … end of a text. `weight`: natural log odds by which words that begin here are favoured
    over words that begin elsewhere in the text, where it is 0."""

    start: int
    end: int
    weight: float


@dataclass(frozen=True, slots=True)
class ChoiceConstraint:
    """The output is exactly one of `choices`."""

    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RegexConstraint:
    """The whole output matches `pattern` (llguidance's regular expressions, no look-around)."""

    pattern: str


@dataclass(frozen=True, slots=True)
class CitationConstraint:
    """Text with spans `<co: 1,2>…</co: 1,2>` that open and close in turn and name only `ids`.

    `texts`: one for each id, or none. With them a span names one id and is copied from the text of that id.
    `weights`: one for each id, or none: log odds by which naming it is favoured. `leaning`: by which an output
    that opens with a span is. `sentences`: of each text, or none.
    """

    ids: tuple[str, ...]
    texts: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()
    leaning: float = 0.0
    sentences: tuple[tuple[Sentence, ...], ...] = ()


Constraint = (
    JsonSchemaConstraint | VerbatimSpanConstraint | ChoiceConstraint | RegexConstraint | CitationConstraint
)


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How to draw tokens. Temperature 0 is greedy; `seed` makes a sampled output repeatable.

    `min_p`: drop tokens less likely than that share of the likeliest. `presence_penalty`,
    `frequency_penalty` are subtracted from the logits of tokens drawn before (OpenAI's definition: output only);
    `repetition_penalty` divides positive and multiplies negative logits of tokens in prompt or output.
    `logit_bias` is added to the logits of its token ids. `speculate` False draws one token a step.
    """

    max_tokens: int = 256
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    repetition_penalty: float = 1.0
    logit_bias: tuple[tuple[int, float], ...] = ()
    seed: int = 0
    stop: tuple[str, ...] = ()
    top_logprobs: int | None = None
    ignore_eos: bool = False
    speculate: bool = True


@dataclass(frozen=True, slots=True)
class CallContext:
    """For whom a call runs. The server trusts it: only the platform holds the service token."""

    tenant: str
    request_id: str
    deadline_s: float | None = None


@dataclass(frozen=True, slots=True)
class GroundingDocument:
    """A document that an answer may cite by `id`.

    `weight`: natural log odds by which naming it is favoured over one without, as retrieval ranked it.
    `sentences`: those of its text that are favoured or disfavoured, in order, where words are copied from it.
    """

    id: str
    text: str
    title: str = ""
    weight: float = 0.0
    sentences: tuple[Sentence, ...] = ()


@dataclass(frozen=True, slots=True)
class Citation:
    """Characters start … end of an answer, `text`, rest on the documents of these ids."""

    start: int
    end: int
    text: str
    document_ids: tuple[str, ...]


CitationMode = Literal["accurate", "fast"]


@dataclass(frozen=True, slots=True)
class Expert:
    """One of several that may answer. `about` tells the base model what it is for; `adapter` None: the base.
    `forms`: it answers these alone (`Form`, `experts/form.py`), empty for all."""

    name: str
    about: str
    adapter: str | None = None
    forms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """`documents` are laid before the last message, in order. `adapter` names one that the server has loaded.

    With documents the answer may cite them: "fast" lets the model word a cited span, "accurate" has it copied
    from the document; `leaning` favours, in natural log odds, an answer that begins with what it cites.
    `snapshot` names a stored state that the messages continue. Of `experts` the base model
    itself chooses one to answer, in a pass before.
    """

    messages: tuple[ChatMessage, ...]
    model: str = "default"
    sampling: SamplingParams = field(default_factory=SamplingParams)
    constraint: Constraint | None = None
    documents: tuple[GroundingDocument, ...] = ()
    adapter: str | None = None
    citation_mode: CitationMode = "fast"
    leaning: float = 0.0
    snapshot: str | None = None
    experts: tuple[Expert, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    token: str
    logprob: float


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """What exactly answered: enough to run it again."""

    name: str
    weights_sha256: str
    engine: str
    threads: int
    dtype: str


@dataclass(frozen=True, slots=True)
class TokenEvent:
    """One step of a stream. The last one carries `finish_reason`, `usage` and `model`, and which of several
    experts answered."""

    text: str
    logprobs: tuple[TokenLogprob, ...] = ()
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    model: ModelIdentity | None = None
    citations: tuple[Citation, ...] = ()
    expert: str | None = None


@dataclass(frozen=True, slots=True)
class ChatResult:
    text: str
    finish_reason: FinishReason
    usage: Usage
    model: ModelIdentity
    logprobs: tuple[TokenLogprob, ...] = ()
    citations: tuple[Citation, ...] = ()
    expert: str | None = None

    @property
    def mean_logprob(self) -> float | None:
        """Mean log-probability of the tokens drawn; None when none were asked for."""
        if not self.logprobs:
            return None
        return sum(entry.logprob for entry in self.logprobs) / len(self.logprobs)


@dataclass(frozen=True, slots=True)
class EmbeddingResult:
    """`vectors` holds one unit-length float32 vector of `dim` numbers for each text, little-endian bytes."""

    vectors: Sequence[bytes]
    dim: int
    usage: Usage
    model: ModelIdentity


@dataclass(frozen=True, slots=True)
class Ranked:
    """The document at `index` of the request and how relevant it is; higher is better."""

    index: int
    relevance: float


RerankMethod = Literal["embedding_cosine", "late_interaction"]


@dataclass(frozen=True, slots=True)
class RerankResult:
    """Best first. `method` says what `relevance` is: the cosine of two embeddings, or the mean over the query's
    tokens of the cosine with the nearest token of the text; both lie in -1 … 1."""

    ranked: tuple[Ranked, ...]
    method: RerankMethod
    usage: Usage
    model: ModelIdentity


@dataclass(frozen=True, slots=True)
class LabelScore:
    label: str
    probability: float


@dataclass(frozen=True, slots=True)
class ClassifyResult:
    """For each text all labels, the most probable first; their probabilities sum to 1, unless a checkpoint was
    trained on labels that don't exclude each other."""

    scores: tuple[tuple[LabelScore, ...], ...]
    usage: Usage
    model: ModelIdentity


@dataclass(frozen=True, slots=True)
class LabelledSpan:
    """Characters start … end of a text, `text`."""

    start: int
    end: int
    text: str
    label: str
    probability: float


@dataclass(frozen=True, slots=True)
class TokenLabels:
    """For each text its labelled spans in order; what is outside of every label isn't among them."""

    spans: tuple[tuple[LabelledSpan, ...], ...]
    usage: Usage
    model: ModelIdentity


@dataclass(frozen=True, slots=True)
class ModelCard:
    """`context_length` 0 and an empty hash: not known before the model was loaded once.

    `family`: the architecture. `form`: what matrices are held in, once it is loaded. `bytes`: what it takes in
    memory, or would take.
    """

    name: str
    kind: Literal["chat", "embedding", "classifier"]
    context_length: int
    licence: str
    weights_sha256: str
    dim: int | None = None
    loaded: bool = True
    family: str = ""
    form: str = ""
    bytes: int = 0
