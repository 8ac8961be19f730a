"""Logs: one JSON object a line, with the ids of what it is about and without secrets (日志).

Importing this page sends structlog through the standard library, which is silent below WARNING until
`open_logs` is called; so tests and simulations stay quiet. Ids are bound by `about`.
"""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from contextlib import AbstractContextManager
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

REDACTED = "[redacted]"
_SECRET_NAME = re.compile(
    r"authorization|cookie|token|secret|passw|csrf|totp|otp_code|binding_code|_key$|^key_|credential|"
    r"openid|signature",
    re.IGNORECASE,
)
# What a third party's error text may carry: headers, query strings, addresses with a password.
_SECRET_TEXT = re.compile(
    r"(?i)((?:bearer|basic)\s+|(?:access_token|token|secret|appsecret|password|code|key)=|://[^/\s:@]+:)"
    r"([^\s&,;'\"@]+)"
)
_MAX_DEPTH = 6


def _without_secrets(value: Any, depth: int = 0) -> Any:
    if isinstance(value, str):
        return _SECRET_TEXT.sub(rf"\1{REDACTED}", value)
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if depth >= _MAX_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        return {
            key: REDACTED if _SECRET_NAME.search(str(key)) else _without_secrets(one, depth + 1)
            for key, one in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_without_secrets(one, depth + 1) for one in value]
    return value


def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Take secrets out of a log line: by name, and inside texts by form."""
    cleaned: MutableMapping[str, Any] = {
        # structlog's own entries (names beginning with "_") are objects that the formatter needs.
        key: one if key.startswith("_") else REDACTED if _SECRET_NAME.search(key) else _without_secrets(one)
        for key, one in event.items()
    }
    return cleaned


_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
    redact,
]

structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        *_SHARED[:3],
        *_SHARED[4:],
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=False,
)


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a module: `_log = logger(__name__)`, then `_log.info("what", meter_id=…)`."""
    found: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return found


def about(**ids: str) -> AbstractContextManager[None]:
    """Add ids to every line logged inside: request_id, account_id, meter_id, order_no."""
    return structlog.contextvars.bound_contextvars(**ids)


def open_logs(
    stream: TextIO = sys.stderr, *, level: int = logging.INFO, as_json: bool | None = None
) -> logging.Handler:
    """Write logs to a stream: JSON, or for people when it is a terminal. Replaces an earlier call.

    Lines of other libraries (Sanic, Tortoise, httpx) take the same way, with the same redaction.
    """
    if as_json is None:
        as_json = not stream.isatty()
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=True)
    )
    handler = logging.StreamHandler(stream)
    handler.set_name("prewatt")
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    for old in [one for one in root.handlers if one.get_name() == "prewatt"]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    # httpx writes every address with its query, and Tortoise every statement: neither is for a log file.
    for name in ("httpx", "httpcore", "tortoise.db_client", "aiosqlite", "sanic.access"):
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    return handler
