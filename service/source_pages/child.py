"""The process that draws one page and ends.

It opens a file that may be hostile, so it takes from itself what drawing does not need, and an alarm ends it.
Nothing but the bytes that were parsed is drawn: whatever stands in their place now has another digest.
"""

from __future__ import annotations

import hashlib
import os
import signal
import stat
import sys
from collections.abc import Iterator

from ingest.errors import (
    DocumentNotDrawableError,
    PageNotDrawnError,
    ParseError,
    SourceUnavailableError,
    UsageError,
)
from ingest.workers.confinement import confine
from service.source_pages.messages import Drawn, DrawTask, NotDrawn, decode_task, encode_reply

_MARK = b"%PDF-"
_MARK_WITHIN = 1024


def main() -> None:
    """Do the task on standard input; the reply goes to standard output."""
    task = decode_task(sys.stdin.buffer.read())
    confine(task.memory_bytes)
    # Nobody handles the alarm, so the kernel ends the process.
    signal.setitimer(signal.ITIMER_REAL, task.seconds)
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as channel:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print is no reply
        channel.write(encode_reply(_reply(task)))


def _reply(task: DrawTask) -> Drawn | NotDrawn:
    try:
        return draw(task)
    except UsageError as error:
        return NotDrawn(error.code, str(error))
    except ParseError as error:
        return NotDrawn(PageNotDrawnError.code, str(error))
    except MemoryError:
        return NotDrawn(
            PageNotDrawnError.code,
            f"page {task.page} takes more memory than a page may: open the file in its own program.",
        )


def draw(task: DrawTask) -> Drawn:
    """The page.

    Raises:
        SourceUnavailableError: no place holds the bytes that were parsed.
        DocumentNotDrawableError: they are no PDF.
        PageNotFoundError, PageNotDrawnError: about the page.
        ParseError: the file cannot be read as what it says it is.
    """
    for content in _contents(task):
        if hashlib.sha256(content).hexdigest() != task.sha256:
            continue
        if _MARK not in content[:_MARK_WITHIN]:
            raise DocumentNotDrawableError(f"{task.uri} is no PDF: only pages of PDFs are drawn.")
        from service.source_pages.picture import draw_page  # late: it loads pdfium

        return draw_page(content, task.page, task.width)
    raise SourceUnavailableError(
        f"{task.uri} is gone, or has changed since it was ingested: ingest it again; its text is kept."
    )


def _contents(task: DrawTask) -> Iterator[bytes]:
    """The bytes at each place, of the member where one is named."""
    for place in task.places:
        content = _read(place, task.file_bytes)
        if content is not None and task.member:
            from ingest.parse import part_inside  # late: most PDFs lie in a folder
            from ingest.parsers.parts import PartLimits

            content = part_inside(content, task.name, task.member, PartLimits(task.file_bytes))
        if content is not None:
            yield content


def _read(place: bytes, most: int) -> bytes | None:
    """The bytes of a regular file; None for what is none, is not there, or too large to have been parsed."""
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            return file.read(most) if stat.S_ISREG(status.st_mode) and status.st_size <= most else None
    except OSError:
        return None
