"""A worker whose parser does what the task's content says, for the tests of ``ingest.workers.pool``."""

from __future__ import annotations

import ctypes
import gc
import json
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ingest.document import Block, BlockKind
from ingest.errors import BrokenFileError
from ingest.parse import ParsedPart, ParseLimits
from ingest.parsers.text_builder import ParsedFile
from ingest.workers.messages import ParseTask
from ingest.workers.process import Worker, run

SHA256 = "0" * 64


def main(argument: str) -> None:
    """What the bootstrap of a worker calls."""
    run(argument, misbehave)


def misbehave(task: ParseTask, limits: ParseLimits) -> Iterator[ParsedPart]:
    """Do what is asked; what does not kill is told in the text of a part."""
    order, _, value = (task.content or b"").decode().partition(" ")
    yield from ORDERS[order](value)


def said(text: str, member: str = "") -> ParsedPart:
    """A part that holds ``text``."""
    return ParsedPart(member, SHA256, ParsedFile(text, (Block(BlockKind.PARAGRAPH, 0, len(text)),)))


def say(value: str) -> Iterator[ParsedPart]:
    yield said(value)


def process_id(value: str) -> Iterator[ParsedPart]:
    yield said(str(os.getpid()))


def parts(value: str) -> Iterator[ParsedPart]:
    """So many parts; after them, the order that follows the number."""
    count, _, then = value.partition(" ")
    for number in range(int(count)):
        yield said(f"part {number}", f"part-{number}")
    if then:
        yield from ORDERS[then]("")


def refuse(value: str) -> Iterator[ParsedPart]:
    yield ParsedPart("", SHA256, BrokenFileError(f"it is {value}\nand more"))


def sleep(value: str) -> Iterator[ParsedPart]:
    time.sleep(float(value or 1000))
    yield said("awake")


def spin(value: str) -> Iterator[ParsedPart]:
    """Never give the interpreter back, as a loop in C does."""
    ctypes.PyDLL(None).sleep(1000)
    yield said("awake")


def outlive_the_alarm(value: str) -> Iterator[ParsedPart]:
    signal.setitimer(signal.ITIMER_REAL, 0)
    return sleep("")


def allocate(value: str) -> Iterator[ParsedPart]:
    """Fill so many megabytes at once, or, without a number, more and more."""
    held = [bytearray(int(value) << 20)] if value else []
    while not value:
        held.append(bytearray(8 << 20))
        time.sleep(0.01)
    yield said(str(len(held)))


def allocate_in_c(value: str) -> Iterator[ParsedPart]:
    """Fill shared memory, which the kernel's limit does not count."""
    import mmap

    held = [mmap.mmap(-1, 8 << 20)]
    while True:
        held[-1].write(bytes(8 << 20))
        held.append(mmap.mmap(-1, 8 << 20))
        time.sleep(0.01)
    yield said("alive")


def keep(value: str) -> Iterator[ParsedPart]:
    """Never give so many megabytes back."""
    held = b"x" * (int(value) << 20)
    gc.callbacks.append(lambda *_: str(held[:1]))
    yield said(str(os.getpid()))


def crash(value: str) -> Iterator[ParsedPart]:
    ctypes.string_at(0)
    yield said("alive")


def leave(value: str) -> Iterator[ParsedPart]:
    os._exit(int(value))
    yield said("alive")


def abort_for_memory(value: str) -> Iterator[ParsedPart]:
    """What a program in Rust does when it is refused memory."""
    os.write(2, b"memory allocation of 8000000000 bytes failed\n")
    os.abort()
    yield said("alive")


def leave_afterwards(value: str) -> Iterator[ParsedPart]:
    """Answer, and die before the next task is begun."""
    setattr(Worker, "_receive", lambda *_: os._exit(9))  # noqa: B010 - it is private
    yield said("done")


def raise_it(value: str) -> Iterator[ParsedPart]:
    raise KeyError(value)
    yield said("alive")


def exit_politely(value: str) -> Iterator[ParsedPart]:
    sys.exit(3)
    yield said("alive")


def print_garbage(value: str) -> Iterator[ParsedPart]:
    for stream in (sys.stdout, sys.stderr):
        stream.write("garbage\n" * 10_000)
        stream.flush()
    os.write(1, b"\xff\xff\xff\xff")
    yield said("printed")


def breed(value: str) -> Iterator[ParsedPart]:
    """Start a process that holds on to the channel, tell its id through a file, and crash."""
    child = os.fork()
    if child == 0:
        time.sleep(1000)
    Path(value).write_text(str(child))
    ctypes.string_at(0)
    yield said("alive")


def send_raw(value: str) -> Iterator[ParsedPart]:
    """Write bytes of one's own to the parent."""
    channel = socket.socket(fileno=os.dup(json.loads(sys.argv[1])["channel"]))
    channel.sendall(bytes.fromhex(value))
    time.sleep(1000)
    yield said("sent")


def break_spans(value: str) -> Iterator[ParsedPart]:
    yield ParsedPart("", SHA256, ParsedFile("short", (Block(BlockKind.PARAGRAPH, 0, 6),)))


def write_much(value: str) -> Iterator[ParsedPart]:
    path = Path("big")
    try:
        path.write_bytes(bytes(int(value)))
    except OSError as error:
        yield said(type(error).__name__)
    else:
        yield said("written")


def big(value: str) -> Iterator[ParsedPart]:
    yield said("检a" * (int(value) // 2))


def surroundings(value: str) -> Iterator[ParsedPart]:
    """What this process has been left with."""
    found = {
        "environment": sorted(os.environ),
        "core": resource.getrlimit(resource.RLIMIT_CORE)[0],
        "session": os.getsid(0) == os.getpid(),
        "terminal": [os.isatty(number) for number in (0, 1, 2)],
        "folder": str(Path.cwd()),
        "heavy": sorted({"torch", "transformers", "faiss", "numpy", "tantivy"} & sys.modules.keys()),
    }
    yield said(json.dumps(found))


ORDERS: dict[str, Callable[[str], Iterator[ParsedPart]]] = {
    order.__name__: order
    for order in (
        say, process_id, parts, refuse, sleep, spin, outlive_the_alarm, allocate, allocate_in_c, keep, crash,
        leave, leave_afterwards, raise_it, exit_politely, abort_for_memory, print_garbage, breed,
        send_raw, break_spans, write_much, big, surroundings,
    )
}  # fmt: skip
