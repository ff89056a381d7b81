"""The one error family of retrieval."""

from typing import Literal

RejectionCode = Literal[
    "empty_file",
    "unsupported_media_type",
    "media_type_mismatch",
    "encrypted_document",
    "corrupt_document",
    "decompression_bomb",
    "too_large",
    "too_slow",
    "no_text",
    "too_deep",
    "ocr_unavailable",
]


class RetrievalError(Exception):
    """Something in retrieval went wrong; `code` is stable."""

    code: str = "retrieval_failed"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class DocumentRejectedError(RetrievalError):
    """The document can't be read; the message tells its owner what to do about it."""

    def __init__(self, code: RejectionCode, message: str) -> None:
        super().__init__(message)
        self.code = code


class IndexBehindError(RetrievalError):
    """The index has not reached the sequence number that the search asked for."""

    code = "index_behind"


class DocumentNotFoundError(RetrievalError):
    """No such document within the caller's reach."""

    code = "document_not_found"


class FilterTooWideError(RetrievalError):
    """The filter lets more documents through than a search may be about."""

    code = "filter_too_wide"
