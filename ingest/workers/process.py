"""The process that parses: takes tasks from a socket, sends back what came of them, and owns nothing else.

It runs in a session of its own, without a terminal, and binds itself before it reads the first file: the
kernel ends it when it takes too long over a part or has lost its parent, and refuses it too much memory.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec

from ingest.errors import ParserCrashedError
from ingest.parse import ParsedPart, ParseLimits, parse_content, parse_parts
from ingest.workers.confinement import confine
from ingest.workers.messages import LENGTH_BYTES, ParseTask, ReplyWriter, RequestCoder

OUT_OF_MEMORY = 71
"""The exit status of a worker that was refused memory. What libraries keep then is not to be trusted."""

_RECEIVE_BYTES = 1 << 20

Parse = Callable[[ParseTask, ParseLimits], Iterator[ParsedPart]]


class WorkerConfig(msgspec.Struct, frozen=True):
    """How a worker is started: its ends of the socket and of the lifeline, its limits, where code lies."""

    channel: int
    lifeline: int
    seconds: float
    memory_bytes: int
    parse: ParseLimits
    module: str
    import_path: list[str]


def main(argument: str) -> None:
    """Serve until the parent closes the channel. ``argument`` is a ``WorkerConfig`` in JSON."""
    run(argument, parse_task)


def run(argument: str, parse: Parse) -> None:
    """As ``main``, with another function in place of the parsers."""
    config = msgspec.json.decode(argument, type=WorkerConfig)
    _die_with_parent(config.lifeline)
    confine(config.memory_bytes)
    # A broken channel: the parent has gone or has thrown this worker out, and nobody is left to tell.
    with socket.socket(fileno=config.channel) as channel, suppress(ConnectionError):
        try:
            Worker(channel, config, parse).serve()
        except MemoryError:
            os._exit(OUT_OF_MEMORY)


def parse_task(task: ParseTask, limits: ParseLimits) -> Iterator[ParsedPart]:
    """What comes of the file and of all files inside of it."""
    if task.content is not None:
        return parse_content(task.content, task.name, limits)
    return parse_parts(task.path or Path(task.name), limits)


class Worker:
    """Answers one task after the other."""

    def __init__(self, channel: socket.socket, config: WorkerConfig, parse: Parse) -> None:
        self._channel = channel
        self._limits = config.parse
        self._seconds = config.seconds
        self._parse = parse
        self._requests = RequestCoder()
        self._replies = ReplyWriter(config.parse)

    def serve(self) -> None:
        """Answer until the channel is closed.

        Raises:
            MemoryError: a task took more memory than there may be.
        """
        while length := self._receive(LENGTH_BYTES):
            # Sent before the task itself is read, which for bytes at hand may be what memory does not hold.
            self._channel.sendall(self._replies.started())
            self._answer(self._requests.decode(self._receive(int.from_bytes(length, "big"))))

    def _answer(self, task: ParseTask) -> None:
        source_sha256: str | None = None
        for part in self._parts(task):
            if source_sha256 is None:
                source_sha256 = _source_sha256(task, part)
            self._channel.sendall(self._replies.part(part, source_sha256))
            del part  # or it stays in memory while the next is parsed
        if source_sha256 is None:
            source_sha256 = _source_sha256(task, None)
        self._channel.sendall(self._replies.finished(source_sha256))

    def _parts(self, task: ParseTask) -> Iterator[ParsedPart]:
        """The parts, with the alarm set while each is parsed; last, what a parser should not raise."""
        try:
            yield from iter(partial(self._timed, self._parse(task, self._limits)), None)
        except (MemoryError, GeneratorExit):
            raise
        except BaseException as error:  # a library that exits, or the panic of one in Rust
            cause = f"{type(error).__name__}: {error}"
            yield ParsedPart("", "", ParserCrashedError(f"{task.name}: its parser failed ({cause})."))

    def _timed(self, parts: Iterator[ParsedPart]) -> ParsedPart | None:
        # Nobody handles the alarm, so the kernel ends the process, in whatever code it hangs.
        signal.setitimer(signal.ITIMER_REAL, self._seconds)
        try:
            return next(parts, None)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _receive(self, size: int) -> bytes | bytearray:
        """``size`` bytes; none when the channel was closed before they came."""
        data = bytearray()
        while len(data) < size:
            piece = self._channel.recv(min(_RECEIVE_BYTES, size - len(data)))
            if not piece:
                return b""
            data += piece
        return data


def _source_sha256(task: ParseTask, part: ParsedPart | None) -> str:
    """The digest of the file itself; a part inside of it has another."""
    if part is not None and not part.member:
        return part.content_sha256
    if task.content is not None:
        return hashlib.sha256(task.content).hexdigest()
    with suppress(OSError), (task.path or Path(task.name)).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
    return ""


def _die_with_parent(lifeline: int) -> None:
    """End this process when the parent does: then the pipe whose other end it alone holds is closed.

    The kernel's own signal for this (PR_SET_PDEATHSIG) follows the thread that started the process, which
    may end long before the parent.
    """
    if sys.platform == "linux":
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, os.O_ASYNC)
        if select.select([lifeline], [], [], 0)[0]:
            os._exit(0)
    else:
        threading.Thread(target=_exit_at_end, args=(lifeline,), daemon=True).start()


def _exit_at_end(lifeline: int) -> None:
    os.read(lifeline, 1)
    os._exit(0)
