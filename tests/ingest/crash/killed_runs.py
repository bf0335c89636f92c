"""Runs of an ingest that end by SIGKILL at an exact point, in children of a process that opened nothing.

Started as a program, it reads one ``Order`` a line, in JSON, and answers each with an ``Ending``. A child is
forked from it for every order: it has everything imported, so that a run takes as long as its work does. A
point is a call that changes a file, or that parses or embeds, counted through Python's own profiler; what
happens inside of a library's C code is met by killing after a time.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Self

import numpy as np

from tests.ingest.crash.scene import replace_heavy_parts, update

_ROOT = Path(__file__).parents[3]
_NAME_CALLS = frozenset(("rename", "replace", "link", "unlink", "remove", "mkdir", "rmdir"))
_FILE_CALLS = frozenset(("fsync", "sendfile", "flock", "copy_file_range", "tofile", "write", "flush"))
_DATABASE_CALLS = frozenset(("connect", "execute", "executemany", "executescript", "commit", "close"))
_INDEX_CALLS = frozenset(
    ("add_document", "delete_documents_by_term", "commit", "writer", "wait_merging_threads")
)
_PYTHON_CALLS = frozenset(("embed_passages", "parse_parts"))
_C_CALLS = _NAME_CALLS | _FILE_CALLS | _DATABASE_CALLS | _INDEX_CALLS
_STAGES = {
    "prune_snapshots": "prune",
    "_merge": "merge",
    "replace_text": "switch",
    "publish": "publish",
    "clear": "forget",
    "embed_missing": "embed",
    "parse_parts": "parse",
    "writing": "clear away",
    "_stage": "write",
    "forget": "write",
}


@dataclass(frozen=True, slots=True)
class Order:
    """One run: killed at its event number ``event``, or after ``seconds``, or not at all."""

    home: str
    folder: str
    event: int | None = None
    seconds: float | None = None
    lexical_first: bool = False
    processes: bool = False


@dataclass(frozen=True, slots=True)
class Ending:
    """``signal`` that ended the run, 0 for none; ``code`` with which it ended itself; its length.

    ``stages`` has the stage of each event, for a run that was let live.
    """

    signal: int
    code: int
    seconds: float
    stages: tuple[str, ...]


class KilledRuns:
    """The process from which runs are forked, seen from the tests."""

    def __enter__(self) -> Self:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", __spec__.name],
            cwd=_ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *error: object) -> None:
        self._process.communicate()

    def run(self, order: Order) -> Ending:
        """Fork a run, and wait for its end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(asdict(order)), file=self._process.stdin, flush=True)
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return Ending(answer["signal"], answer["code"], answer["seconds"], tuple(answer["stages"]))


class _Events:
    """Counts the calls worth dying at, and dies at one of them."""

    def __init__(self, fatal: int | None) -> None:
        self._fatal = fatal
        self.stages: list[str] = []

    def see(self, frame: FrameType, event: str, argument: Any) -> None:
        """For ``sys.setprofile``; called for every call and return, so names are looked at before owners."""
        if event == "c_call":
            counts = argument.__name__ in _C_CALLS and _is_counted(argument)
        else:
            counts = event == "call" and frame.f_code.co_name in _PYTHON_CALLS
        if counts:
            if len(self.stages) == self._fatal:
                os.kill(os.getpid(), signal.SIGKILL)
            self.stages.append(_stage(frame) if self._fatal is None else "")


def _is_counted(call: Any) -> bool:
    name, owner = call.__name__, getattr(call, "__self__", None)
    if isinstance(owner, sqlite3.Connection):
        return name in _DATABASE_CALLS
    if type(owner).__module__ == "tantivy.tantivy":
        return name in _INDEX_CALLS
    return name in _NAME_CALLS | _FILE_CALLS or (name == "connect" and call.__module__ == "_sqlite3")


def _stage(frame: FrameType | None) -> str:
    while frame is not None:
        stage = _STAGES.get(frame.f_code.co_name)
        if stage and "pytest" not in frame.f_code.co_filename:
            return stage
        frame = frame.f_back
    return "compare"


def points(stages: tuple[str, ...], wanted: int, seed: int) -> list[int]:
    """Event numbers: ``wanted`` of them spread evenly but for chance, and one for each stage left out."""
    chance = random.Random(seed)
    share = max(1.0, len(stages) / wanted)
    chosen = [int(share * (index + chance.random())) for index in range(int(len(stages) / share))]
    left_out = sorted(set(stages) - {stages[event] for event in chosen})
    return chosen + [
        chance.choice([event for event, other in enumerate(stages) if other == stage]) for stage in left_out
    ]


def _child(order: Order, report: int) -> None:
    replace_heavy_parts(parsers=not order.processes)
    events = _Events(order.event)
    if order.seconds is not None:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        timer = threading.Timer(order.seconds, os.kill, (os.getpid(), signal.SIGKILL))
        timer.daemon = True
        timer.start()
    else:
        sys.setprofile(events.see)
    update(Path(order.home), Path(order.folder), lexical_first=order.lexical_first)
    sys.setprofile(None)
    os.write(report, json.dumps(events.stages).encode())


def _serve(order: Order) -> Ending:
    reader, writer = os.pipe()
    started = time.monotonic()
    process = os.fork()
    if process == 0:
        code = 1
        try:
            os.close(reader)
            _child(order, writer)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader, "rb") as report:
        stages = json.loads(report.read() or b"[]")
    status = os.waitpid(process, 0)[1]
    seconds = time.monotonic() - started
    killed_by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 0
    return Ending(killed_by, code, seconds, tuple(stages))


def _warm_up() -> None:
    """Import and compile what a run needs late, without opening a file or starting a thread."""
    from ingest.parse import ParseLimits, parse_content
    from ingest.words.terms import terms

    for name, content in (
        ("a.md", b"# A\n\nSome words in English.\n"),
        ("a.txt", "先检索相关段落，再回答问题。\n".encode()),
        ("a.csv", b"a,b\n1,2\n"),
        ("a.html", b"<html><body><h1>A</h1><p>Some words.</p></body></html>"),
        ("a.pdf", b"%PDF-1.7 and then nothing"),
    ):
        list(parse_content(content, name, ParseLimits(1_000_000, 1_000_000)))
    terms("检索 words")
    np.unique(np.arange(2))
    assert threading.active_count() == 1


def main() -> None:
    """Serve orders until there are no more."""
    _warm_up()
    for line in sys.stdin:
        print(json.dumps(asdict(_serve(Order(**json.loads(line))))), flush=True)


if __name__ == "__main__":
    main()
