"""Why a file is refused. The same problems answer an upload and stand at a document that was rejected."""

from collections.abc import Mapping
from uuid import UUID

from secretariat.platform.web.errors import (
    ConflictError,
    InvalidError,
    PlatformError,
    Problem,
    TooLargeError,
)
from secretariat.retrieval.errors import DocumentRejectedError, RejectionCode


class FileTooLargeError(TooLargeError):
    code, title = "FILE_TOO_LARGE", "File too large"


class EmptyFileError(InvalidError):
    code, title = "EMPTY_FILE", "Empty file"


class UnsupportedFileError(PlatformError):
    status, code, title = 415, "UNSUPPORTED_MEDIA_TYPE", "File type not supported"


class MismatchingFileError(PlatformError):
    status, code, title = 415, "MEDIA_TYPE_MISMATCH", "Name and content differ"


class EncryptedFileError(InvalidError):
    code, title = "ENCRYPTED_DOCUMENT", "Password-protected file"


class CorruptFileError(InvalidError):
    code, title = "CORRUPT_DOCUMENT", "Damaged file"


class BombError(InvalidError):
    code, title = "DECOMPRESSION_BOMB", "File unpacks to too much"


class SlowFileError(InvalidError):
    code, title = "TOO_SLOW", "File takes too long to read"


class TextlessFileError(InvalidError):
    code, title = "NO_TEXT", "No text in the file"


class DeepFileError(InvalidError):
    code, title = "TOO_DEEP", "File nested too deeply"


class NoRecognitionError(InvalidError):
    code, title = "OCR_UNAVAILABLE", "Text recognition isn't installed"


class GaveUpError(PlatformError):
    """Not the file's fault."""

    status, code, title = 503, "INGESTION_GAVE_UP", "The document could not be read in"


class UnembeddableError(InvalidError):
    """What the embedding model says of it would be said again."""

    code, title = "NOT_EMBEDDED", "The text can't be embedded"


class IngestionCancelledError(ConflictError):
    code, title = "INGESTION_CANCELLED", "Reading in was cancelled"


class CollectionNotEmptyError(ConflictError):
    code, title = "COLLECTION_NOT_EMPTY", "The collection has documents"


class NameTakenError(ConflictError):
    code, title = "NAME_TAKEN", "The name is taken"


_REFUSALS: Mapping[RejectionCode, type[PlatformError]] = {
    "empty_file": EmptyFileError,
    "unsupported_media_type": UnsupportedFileError,
    "media_type_mismatch": MismatchingFileError,
    "encrypted_document": EncryptedFileError,
    "corrupt_document": CorruptFileError,
    "decompression_bomb": BombError,
    "too_large": FileTooLargeError,
    "too_slow": SlowFileError,
    "no_text": TextlessFileError,
    "too_deep": DeepFileError,
    "ocr_unavailable": NoRecognitionError,
}


def refusal(rejection: DocumentRejectedError) -> PlatformError:
    for code, error in _REFUSALS.items():
        if code == rejection.code:
            return error(rejection.message)
    return CorruptFileError(rejection.message)


def problem_at(document_id: UUID, error: PlatformError, job_id: UUID) -> Problem:
    """What stands at the document; the job's id takes the place of a request's."""
    return Problem(
        title=error.title,
        status=error.status,
        detail=error.detail,
        instance=f"/api/v1/documents/{document_id}",
        code=error.code,
        request_id=str(job_id),
    )
