"""The one error family of the model side."""

from typing import Literal

ModelErrorCode = Literal[
    "model_not_found",
    "context_length_exceeded",
    "invalid_request",
    "invalid_schema",
    "overloaded",
    "deadline_exceeded",
    "cancelled",
    "unreachable",
    "checkpoint_invalid",
    "weights_missing",
    "adapter_invalid",
    "adapter_not_found",
    "snapshot_not_found",
    "engine_failed",
    "training_invalid",
]


class ModelError(Exception):
    """What went wrong on the model side, in words a caller can act on.

    `code` is stable and decides the HTTP status further up; `retryable` says whether the same
    call may succeed later without a change, and `retry_after_s` when it is worth trying, if that is known.
    """

    def __init__(
        self,
        code: ModelErrorCode,
        message: str,
        *,
        retryable: bool = False,
        param: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retryable = retryable
        self.param = param
        self.retry_after_s = retry_after_s
