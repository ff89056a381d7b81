"""Logs as one JSON object a line. What could be content or a secret is left out here, for every caller."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_SECRET_NAMES = (
    "password",
    "secret",
    "token",
    "cookie",
    "authorization",
    "api_key",
    "verifier",
    "credential",
)
_CONTENT_NAMES = ("prompt", "output", "text", "body", "messages", "answer", "query", "passage")
WITHHELD = "[withheld]"


def configure_logs(level: int = logging.INFO) -> None:
    """For a process's entry point. Standard-library logs take the same form."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        withhold,
        exception_without_values,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_to_stderr,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
            foreign_pre_chain=shared,
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def _to_stderr(*_names: Any) -> structlog.WriteLogger:
    return structlog.WriteLogger(sys.stderr)


def withhold(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replaces values whose names say that they are secrets or content."""
    for name in event:
        lowered = name.lower()
        if any(part in lowered for part in _SECRET_NAMES) or lowered in _CONTENT_NAMES:
            event[name] = WITHHELD
    return event


def exception_without_values(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """The kind of an exception and where it arose; its message may quote what someone wrote."""
    given = event.pop("exc_info", None)
    if not given:
        return event
    error = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event["exception"] = [_described(each) for each in _chain(error)]
    return event


def _chain(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in chain:
        chain.append(current)
        current = current.__cause__ or current.__context__
    return chain


def _described(error: BaseException) -> dict[str, Any]:
    frames = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{code.co_filename}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return {"type": f"{type(error).__module__}.{type(error).__qualname__}", "frames": frames[-12:]}
