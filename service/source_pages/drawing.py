"""Draws pages of PDFs, each in a process of its own, so that a hostile one costs that request alone."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from contextlib import suppress

import msgspec

from ingest.errors import (
    DocumentNotDrawableError,
    PageNotDrawnError,
    PageNotFoundError,
    SourceUnavailableError,
    UsageError,
)
from service.source_pages.messages import Drawn, DrawTask, decode_reply, encode_task

_LAUNCHER = "import sys\nsys.path[:] = sys.argv[1:]\nfrom service.source_pages.child import main\nmain()\n"
_GRACE_SECONDS = 5.0
_MOST_BYTES = 50_000_000
"""More than the most dots take; a page with a reply of more is not to be believed."""

# Nothing else is handed on: keys and passwords are in the environment, too.
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH")
_ERRORS: dict[str, type[UsageError]] = {
    error.code: error
    for error in (DocumentNotDrawableError, PageNotDrawnError, PageNotFoundError, SourceUnavailableError)
}


async def draw_apart(task: DrawTask) -> Drawn:
    """The page, drawn in another process that does not outlive this call.

    Raises:
        SourceUnavailableError, DocumentNotDrawableError: about the document.
        PageNotFoundError, PageNotDrawnError: about the page.
    """
    path = [os.path.abspath(entry) for entry in sys.path]  # noqa: PTH100 - "" stands for where we are
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-X", "utf8", "-c", _LAUNCHER, *path),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(task.seconds + _GRACE_SECONDS):
            reply = await _exchange(process, encode_task(task))
    except TimeoutError:
        reply = b""
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    return _read(reply, task)


async def _exchange(process: asyncio.subprocess.Process, task: bytes) -> bytes:
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(ConnectionError):  # it died; that it says nothing tells as much
        process.stdin.write(task)
        await process.stdin.drain()
    process.stdin.close()
    reply = bytearray()
    while piece := await process.stdout.read(1 << 16):
        reply += piece
        if len(reply) > _MOST_BYTES:
            return b""
    return bytes(reply)


def _read(reply: bytes, task: DrawTask) -> Drawn:
    """What the process says, which the file may have taken over."""
    try:
        told = decode_reply(reply)
    except (msgspec.DecodeError, UnicodeDecodeError):
        told = None
    if isinstance(told, Drawn):
        return told
    if told is not None and told.code in _ERRORS:
        raise _ERRORS[told.code](told.reason)
    raise PageNotDrawnError(
        f"page {task.page} of {task.uri} cannot be drawn within {task.seconds:g} s and "
        f"{task.memory_bytes // 1_000_000} MB: open the file in its own program."
    )
