"""The server's log: one line an event, as JSON for machines or as text for a terminal.

No line holds what was asked or answered, what a document says, or a key. Messages are written without them,
and of an exception only its class, its code and its way through the source are written: its text may quote
what a client sent or what a model server sent back.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from opentelemetry import trace

from ingest.errors import TroikaError
from ingest.settings_observe import LogFormat
from service.observe.request import CURRENT_REQUEST

_CHATTY = ("httpx", "httpcore")
"""Libraries that log every request they send, with its address."""

_FRAMES = 20


def configure_logging(log_format: LogFormat | None) -> None:
    """Send all that this process logs to stderr, a line each; without a format, as suits where that goes."""
    chosen = log_format or (LogFormat.TEXT if sys.stderr.isatty() else LogFormat.JSON)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if chosen is LogFormat.JSON else TextLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and what is known besides."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **known_of(record),
        }
        return json.dumps(line, ensure_ascii=False, default=str)


class TextLines(logging.Formatter):
    """The same for human eyes, with what is known besides as ``name=value``."""

    def format(self, record: logging.LogRecord) -> str:
        known = " ".join(f"{name}={value}" for name, value in known_of(record).items())
        line = f"{_time(record)} {record.levelname} {record.name}: {record.getMessage()} {known}"
        return line.rstrip().replace("\n", "\\n")


def known_of(record: logging.LogRecord) -> dict[str, Any]:
    """What a record says besides its message: its own fields, the request, the trace, the exception."""
    known: dict[str, Any] = {}
    request = CURRENT_REQUEST.get()
    if request is not None:
        known["request_id"] = request.id
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        known["trace_id"] = trace.format_trace_id(span.trace_id)
    fields: Mapping[str, Any] = getattr(record, "fields", {})
    known |= fields
    if record.exc_info is not None and record.exc_info[1] is not None:
        known["exception"] = _without_text(record.exc_info[1])
    return known


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _without_text(error: BaseException) -> list[dict[str, Any]]:
    """The exception and those it came from, first cause last: class, code, and the end of each's stack."""
    told: list[dict[str, Any]] = []
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        frames = traceback.extract_tb(link.__traceback__)[-_FRAMES:]
        code = {"code": link.code} if isinstance(link, TroikaError) else {}
        told.append(
            {
                "class": f"{type(link).__module__}.{type(link).__qualname__}",
                **code,
                "stack": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
            }
        )
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return told
