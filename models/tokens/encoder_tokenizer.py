"""The tokenizer.json of an encoder: text to id rows with the model's own framing tokens.

Knows nothing of batching or padding: that is the caller's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer as Backend

from secretariat.models.errors import ModelError


@dataclass(frozen=True, slots=True)
class EncodedText:
    """`spans`: where in the text each token comes from, in characters; None for the framing."""

    ids: list[int]
    spans: list[tuple[int, int] | None]


class EncoderTokenizer:
    """Texts to ids framed as the model was trained ([CLS] … [SEP]); words like "[SEP]" stay words."""

    def __init__(self, backend: Backend, max_tokens: int) -> None:
        backend.no_padding()
        backend.no_truncation()
        backend.encode_special_tokens = True
        self._backend = backend
        self.max_tokens = max_tokens

    @staticmethod
    def open(path: Path, max_tokens: int) -> "EncoderTokenizer":
        """Raises ModelError: "weights_missing" without a file, "checkpoint_invalid" for a malformed one."""
        if not path.is_file():
            raise ModelError("weights_missing", f"{path} does not exist")
        try:
            backend = Backend.from_str(path.read_text(encoding="utf-8"))
        except Exception as error:  # the library raises bare Exception
            raise ModelError("checkpoint_invalid", f"{path.name}: {error}") from error
        return EncoderTokenizer(backend, max_tokens)

    @property
    def vocab_size(self) -> int:
        size: int = self._backend.get_vocab_size()
        return size

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each whole text, framing included: what does not exceed `max_tokens` is not cut."""
        return [len(ids) for ids in self._ids(texts)]

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text, cut to `max_tokens` in such a way that the closing token stays."""
        return [
            ids if len(ids) <= self.max_tokens else [*ids[: self.max_tokens - 1], ids[-1]]
            for ids in self._ids(texts)
        ]

    def encode_whole(self, texts: Sequence[str]) -> list[EncodedText]:
        """Nothing is cut."""
        return [
            EncodedText(
                encoding.ids,
                [
                    None if framing else span
                    for span, framing in zip(encoding.offsets, encoding.special_tokens_mask, strict=True)
                ],
            )
            for encoding in self._backend.encode_batch(list(texts))
        ]

    def _ids(self, texts: Sequence[str]) -> list[list[int]]:
        return [encoding.ids for encoding in self._backend.encode_batch_fast(list(texts))]
