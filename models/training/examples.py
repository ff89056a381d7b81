"""Records of training data as tokens, laid out as the engine lays them out when it is asked.

Owns the reading of JSON lines and which tokens are to be learnt. Errors name file and line and never quote them.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from secretariat.models.core import ChatMessage, GroundingDocument
from secretariat.models.engine.grounding import turns_of
from secretariat.models.errors import ModelError
from secretariat.models.nets.load import LoadedChat
from secretariat.models.tokens.chat import ChatPrompt, lay_out
from secretariat.models.training.packing import Document
from secretariat.models.training.rewards import Expected

T = TypeVar("T")
D = TypeVar("D", bound=Document)
_ROLES = ("system", "user", "assistant")


@dataclass(frozen=True, slots=True)
class Example:
    """`learn` marks the tokens to be predicted: the answer's and the one that ends it. `asked`: as of a
    ChatPrompt."""

    tokens: Sequence[int]
    learn: Sequence[bool]
    id: str
    asked: int | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """All of it is learnt."""

    tokens: Sequence[int]
    id: str

    @property
    def learn(self) -> Sequence[bool]:
        return [True] * len(self.tokens)

    @property
    def asked(self) -> None:
        """Nothing is."""


@dataclass(frozen=True, slots=True)
class Preference:
    """Two answers to one prompt, each with the token that ends it. `asked`: as of a ChatPrompt."""

    prompt: Sequence[int]
    chosen: Sequence[int]
    rejected: Sequence[int]
    id: str
    asked: int | None = None

    @property
    def pair(self) -> tuple[Example, Example]:
        """The chosen and the rejected one after the prompt."""
        chosen, rejected = (
            example(self.prompt, answer, self.id, self.asked) for answer in (self.chosen, self.rejected)
        )
        return chosen, rejected


@dataclass(frozen=True, slots=True)
class Task:
    """A prompt whose answers are judged by what is expected of them. `asked`: as of a ChatPrompt."""

    prompt: Sequence[int]
    expected: Expected
    id: str
    asked: int | None = None


def example(prompt: Sequence[int], answer: Sequence[int], name: str, asked: int | None = None) -> Example:
    return Example([*prompt, *answer], [False] * len(prompt) + [True] * len(answer), name, asked)


def _prompt(
    chat: LoadedChat, messages: Sequence[ChatMessage], documents: Sequence[GroundingDocument]
) -> ChatPrompt:
    """Up to the assistant's turn, the documents before the last message's words as the engine puts them there."""
    if chat.template is None:
        raise ModelError("training_invalid", f"{chat.identity.name} is a base model: it has no conversations")
    return lay_out(chat.template, chat.tokenizer, turns_of(messages, documents))


def answer_tokens(chat: LoadedChat, text: str) -> list[int]:
    """As it would be drawn: the text, then the end of the turn."""
    return [*chat.tokenizer.encode(text), chat.tokenizer.eos_id]


def read_documents(paths: Sequence[Path], chat: LoadedChat, row_tokens: int) -> list[Example | Text]:
    """Of lines {"messages": […, the assistant's], "documents"?: […], "id"?}, of which the last message is learnt,
    and of lines {"text", "id"?}, of which all is, in pieces of at most `row_tokens`.

    Raises ModelError("training_invalid") naming file, line and field, as all readers here.
    """

    def made(record: Mapping[str, Any], name: str) -> Sequence[Example | Text]:
        if "text" in record:
            return _pieces(chat.tokenizer.encode(_text(record, "text")), name, row_tokens)
        messages = _messages(record)
        if messages[-1].role != "assistant" or len(messages) < 2:
            raise ValueError("messages don't end with an assistant's that answers one before")
        prompt = _prompt(chat, messages[:-1], _documents(record))
        return [example(prompt.ids, answer_tokens(chat, messages[-1].content), name, prompt.asked)]

    return [document for documents in _read(paths, made) for document in documents]


def _pieces(ids: Sequence[int], name: str, row_tokens: int) -> list[Text]:
    """A rest of one token teaches nothing and is left out."""
    pieces = (ids[first : first + row_tokens] for first in range(0, len(ids), row_tokens))
    return [Text(piece, f"{name}/{number}") for number, piece in enumerate(pieces) if len(piece) > 1]


def read_preferences(paths: Sequence[Path], chat: LoadedChat) -> list[Preference]:
    """Of lines {"messages": […, the user's], "documents"?: […], "chosen", "rejected", "id"?}."""

    def made(record: Mapping[str, Any], name: str) -> Preference:
        prompt = _prompt(chat, _messages(record), _documents(record))
        chosen, rejected = (answer_tokens(chat, _text(record, key)) for key in ("chosen", "rejected"))
        if chosen == rejected:
            raise ValueError("chosen and rejected are the same")
        return Preference(prompt.ids, chosen, rejected, name, prompt.asked)

    return _read(paths, made)


def read_tasks(paths: Sequence[Path], chat: LoadedChat) -> list[Task]:
    """Of lines {"messages": […, the user's], "documents"?: […], "expected": {…}, "id"?}; or, as `read_chats` has
    them, with an assistant's message at the end, which says what is expected."""

    def made(record: Mapping[str, Any], name: str) -> Task:
        messages, documents = _messages(record), _documents(record)
        texts = {document.id: document.text for document in documents}
        expected = record.get("expected", {})
        if not isinstance(expected, dict):
            raise ValueError("expected is no object")  # noqa: TRY004 - told as all that is wrong with a line
        asks = Expected.of(expected, texts)
        if "expected" not in record and messages[-1].role == "assistant":
            asks = Expected.of_answer(messages.pop().content, texts)
        prompt = _prompt(chat, messages, documents)
        return Task(prompt.ids, asks, name, prompt.asked)

    return _read(paths, made)


def fitting(examples: Sequence[D], row_tokens: int) -> list[D]:
    """Those that fit into a row. Raises ModelError("training_invalid") where that is less than half of them."""
    kept = [one for one in examples if len(one.tokens) <= row_tokens]
    if not kept or 2 * len(kept) < len(examples):
        raise ModelError(
            "training_invalid",
            f"{len(examples) - len(kept)} of {len(examples)} examples are longer than row_tokens = {row_tokens}",
            param="row_tokens",
        )
    return kept


def _read(paths: Sequence[Path], made: Callable[[Mapping[str, Any], str], T]) -> list[T]:
    found = []
    for path in paths:
        for number, line in _lines(path):
            try:
                record = json.loads(line)
                if not isinstance(record, dict):
                    raise ValueError("is no JSON object")  # noqa: TRY004, TRY301 - told as all that is wrong with a line
                found.append(made(record, str(record.get("id", f"{path.name}:{number}"))))
            except json.JSONDecodeError as error:
                raise _invalid(path, number, f"is no JSON: {error.msg} at column {error.colno}") from None
            except (ValueError, ModelError) as error:
                raise _invalid(path, number, str(error)) from None
    return found


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    if not path.is_file():
        raise ModelError("training_invalid", f"there is no {path.name} to learn from", param="data")
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, 1):
            if line.strip():
                yield number, line


def _invalid(path: Path, number: int, problem: str) -> ModelError:
    return ModelError("training_invalid", f"{path.name}, line {number}: {problem}", param="data")


def _messages(record: Mapping[str, Any]) -> list[ChatMessage]:
    messages = record.get("messages")
    if not isinstance(messages, list) or not messages:
        raise ValueError("messages are missing")
    return [ChatMessage(_role(message), _text(message, "content")) for message in messages]


def _role(message: Any) -> Any:
    if not isinstance(message, dict) or message.get("role") not in _ROLES:
        raise ValueError(f"a message's role is none of {', '.join(_ROLES)}")
    return message["role"]


def _documents(record: Mapping[str, Any]) -> list[GroundingDocument]:
    documents = record.get("documents") or []
    if not isinstance(documents, list) or not all(isinstance(one, dict) for one in documents):
        raise ValueError("documents are no list of objects")
    return [
        GroundingDocument(_text(one, "id"), _text(one, "text"), _text(one, "title", "")) for one in documents
    ]


def _text(record: Mapping[str, Any], key: str, default: str | None = None) -> str:
    value = record.get(key, default)
    if not isinstance(value, str):
        raise ValueError(f"{key} is no text")  # noqa: TRY004 - told as all that is wrong with a line
    return value
