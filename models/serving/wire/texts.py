"""Requests about texts as they are: their vectors, ranks, labels and tokens."""

from typing import Annotated, Literal, Self

from pydantic import Field, Tag, model_validator

from secretariat.models.core import RerankMethod
from secretariat.models.serving.wire.base import NonEmpty, TokenIds, Wire, told_apart

OneOrMore = Annotated[
    Annotated[NonEmpty, Tag("text")]
    | Annotated[list[NonEmpty], Field(min_length=1, max_length=2048), Tag("texts")],
    told_apart("text", "texts"),
]


class Embeddings(Wire):
    """`POST /v1/embeddings`. A text longer than the model's window is cut to it."""

    model: str = "default"
    input: OneOrMore
    encoding_format: Literal["float", "base64"] = "float"
    user: str = ""

    @property
    def texts(self) -> list[str]:
        return [self.input] if isinstance(self.input, str) else self.input


class RankedDocument(Wire):
    text: NonEmpty
    id: str = ""


class Rerank(Wire):
    """`POST /v1/rerank`: the `top_n` documents that say most about the query, best first.

    `method` "embedding_cosine" compares each text as a whole, "late_interaction" word by word.
    """

    model: str = "default"
    query: NonEmpty
    documents: Annotated[list[NonEmpty | RankedDocument], Field(min_length=1, max_length=2048)]
    top_n: Annotated[int, Field(ge=1)] | None = None
    method: RerankMethod = "embedding_cosine"
    return_documents: bool = False

    @property
    def texts(self) -> list[str]:
        return [d if isinstance(d, str) else d.text for d in self.documents]


class Classify(Wire):
    """`POST /v1/classify`. `task` "text" labels each text, "token" stretches of each text.

    `by` "likelihood" asks a chat model which of `labels` it is, "embedding" takes the one whose embedding is
    nearest, "head" one that a checkpoint was trained on, of its own labels; tokens are always labelled by a head.
    `instruction` says to the chat model what is to be told apart. `aggregation` "simple" joins neighbouring tokens
    of one label, "none" gives each token.
    """

    model: str = "default"
    input: OneOrMore
    labels: Annotated[list[NonEmpty], Field(max_length=256)] = Field(default_factory=list)
    task: Literal["text", "token"] = "text"
    by: Literal["likelihood", "embedding", "head"] | None = None
    aggregation: Literal["simple", "none"] | None = None
    instruction: str = ""

    @property
    def method(self) -> Literal["likelihood", "embedding", "head"]:
        return self.by or ("head" if self.task == "token" else "likelihood")

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.task == "token" and self.method != "head":
            raise ValueError("tokens are labelled by a checkpoint's head: leave by out")
        if self.task == "text" and self.aggregation is not None:
            raise ValueError("aggregation is for the task 'token'")
        if self.instruction and self.method != "likelihood":
            raise ValueError("an instruction is for a chat model: leave it out, or by")
        if self.method == "head":
            if self.labels:
                raise ValueError("the labels of a head are the checkpoint's: leave labels out")
        elif len(self.labels) < 2 or len(set(self.labels)) < len(self.labels):
            raise ValueError("labels has at least two different labels")
        return self

    @property
    def texts(self) -> list[str]:
        return [self.input] if isinstance(self.input, str) else self.input


class Tokenize(Wire):
    """`POST /v1/tokenize`: how many tokens of a model each text takes, and of a chat model on request which.

    `kind` "embedding" counts as the embedder reads, its framing tokens included.
    """

    model: str = "default"
    kind: Literal["chat", "embedding"] = "chat"
    texts: Annotated[list[str], Field(max_length=65536)]
    return_tokens: bool = False

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.kind == "embedding" and self.return_tokens:
            raise ValueError("the tokens themselves are given for chat models: leave return_tokens out")
        return self


class Detokenize(Wire):
    """`POST /v1/detokenize`: the text that each row of tokens stands for, without markup."""

    model: str = "default"
    tokens: Annotated[list[TokenIds], Field(min_length=1, max_length=2048)]
