"""What to say of a file whose worker was lost."""

from __future__ import annotations

import hashlib
import re
import signal
import stat
from contextlib import suppress
from pathlib import Path

from ingest.errors import ParseError, ParseMemoryError, ParserCrashedError, ParseTimeoutError
from ingest.parse import ParsedPart
from ingest.workers.handle import Ending, WorkerLimits
from ingest.workers.messages import ParseTask
from ingest.workers.process import OUT_OF_MEMORY

_NEAR_THE_LIMIT = 0.75
_REFUSED = re.compile("memory allocation of|bad_alloc|out of memory|cannot allocate memory", re.IGNORECASE)


def explain(ending: Ending, resident_bytes: int, limits: WorkerLimits) -> ParseError:
    """Why a worker ended that the parent did not kill; ``resident_bytes`` is what was last seen in use."""
    if ending.status == -signal.SIGALRM:
        return took_too_long(limits)
    killed = ending.status < 0
    # Libraries in C end their process in several ways when they are refused memory.
    short = resident_bytes > limits.memory_bytes * _NEAR_THE_LIMIT or _REFUSED.search(ending.last_words)
    if (killed and short) or ending.status == OUT_OF_MEMORY:
        return took_too_much(limits)
    return ParserCrashedError(
        f"its parser died ({_signal_name(-ending.status) if killed else f'exit status {ending.status}'}): "
        "open the file in its own program and save it again."
    )


def took_too_long(limits: WorkerLimits) -> ParseError:
    """The error for a file over the limit of time."""
    return ParseTimeoutError(
        f"parsing it takes longer than {limits.seconds:g} s: split the file, or raise ingest.parse_seconds."
    )


def took_too_much(limits: WorkerLimits) -> ParseError:
    """The error for a file over the limit of memory."""
    return ParseMemoryError(
        f"parsing it takes more than {limits.memory_bytes // 1_000_000} MB of memory: split the file, or "
        "raise ingest.parse_megabytes."
    )


def no_worker(reason: str) -> ParserCrashedError:
    """The error when no process for the parsers comes up, whatever the file."""
    return ParserCrashedError(
        f"No process for the parsers can be started ({reason}): install Troika again, or free some memory."
    )


def failed_part(task: ParseTask, error: ParseError, limits: WorkerLimits) -> ParsedPart:
    """What came of a task whose worker was lost; the error is named after the file."""
    named = type(error)(f"{task.path or task.name}: {error}")
    return ParsedPart("", _sha256_of(task, limits.parse.file_bytes), named)


def _sha256_of(task: ParseTask, max_bytes: int) -> str:
    """The digest of the file; empty for one that its worker would not have read either."""
    if task.content is not None:
        return hashlib.sha256(task.content).hexdigest()
    path = task.path or Path(task.name)
    with suppress(OSError, ValueError):
        status = path.stat()
        if stat.S_ISREG(status.st_mode) and status.st_size <= max_bytes:
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
    return ""


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
