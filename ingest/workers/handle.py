"""A worker process as its parent sees it: started, spoken to without ever waiting for it, watched, ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import msgspec

from ingest.parse import ParseLimits
from ingest.settings import IngestSettings
from ingest.workers.messages import Frames, ParseTask, RequestCoder, max_reply_bytes
from ingest.workers.process import WorkerConfig

WORKER_MODULE = "ingest.workers.process"

_BOOTSTRAP = (
    "import importlib, json, sys\n"
    "config = json.loads(sys.argv[1])\n"
    "sys.path[:] = config['import_path']\n"
    "importlib.import_module(config['module']).main(sys.argv[1])\n"
)
# Nothing else is handed on: keys and passwords are in the environment, too.
_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
_RECEIVE_BYTES = 1 << 20
_LAST_WORDS = 300


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """What a file may cost.

    ``seconds`` is for each part of a file, ``memory_bytes`` is what the process that parses may have in use.
    """

    seconds: float = 60.0
    memory_bytes: int = 1_000_000_000
    parse: ParseLimits = field(default_factory=ParseLimits)

    @classmethod
    def of(cls, settings: IngestSettings) -> Self:
        """The limits that are set."""
        parse = ParseLimits(settings.max_file_megabytes * 1_000_000, settings.max_text_characters)
        return cls(settings.parse_seconds, settings.parse_megabytes * 1_000_000, parse)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a process ended: its status (the negative number of a signal), and the last line it wrote."""

    status: int
    last_words: str


class WorkerHandle:
    """One worker process, and the tasks that it has been given: the first is the one it works on."""

    def __init__(self, limits: WorkerLimits, folder: Path, module: str = WORKER_MODULE) -> None:
        """Start the process, with ``folder`` for its temporary files; ``module`` holds its ``main``."""
        self.pending: deque[ParseTask] = deque()
        self.started = False
        self.worn = False
        self.tasks_started = 0
        self.quiet_since = 0.0
        self.resident_bytes = 0
        self._requests = RequestCoder()
        self._frames = Frames(max_reply_bytes(limits.parse))
        self._unsent: deque[memoryview] = deque()
        self._errors = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by end()
        self._lifeline_end, self._lifeline = os.pipe()
        self.channel, channel_end = socket.socketpair()
        with channel_end:
            config = WorkerConfig(
                channel_end.fileno(),
                self._lifeline_end,
                limits.seconds,
                limits.memory_bytes,
                limits.parse,
                module,
                [os.path.abspath(path) for path in sys.path],  # noqa: PTH100 - "" stands for where we are
            )
            self.process = self._start(config, folder)
        os.close(self._lifeline_end)
        self.channel.setblocking(False)

    def _start(self, config: WorkerConfig, folder: Path) -> subprocess.Popen[bytes]:
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        # As many workers as there are cores: none has use for threads of its own.
        threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        return subprocess.Popen(
            [sys.executable, "-I", "-X", "utf8", "-c", _BOOTSTRAP, msgspec.json.encode(config).decode()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            cwd=folder,
            env={**environment, **threads, "TMPDIR": str(folder)},
            pass_fds=(config.channel, config.lifeline),
            start_new_session=True,
        )

    def give(self, task: ParseTask) -> None:
        """Queue a task for the worker; it goes out as the channel takes it."""
        if not self.pending:
            self.quiet_since = time.monotonic()
        self.pending.append(task)
        self._unsent.append(memoryview(self._requests.encode(task)))
        self.send()

    @property
    def has_unsent(self) -> bool:
        """Whether ``send`` has something left to do."""
        return bool(self._unsent)

    def send(self) -> None:
        """Write what the channel takes now. That the worker is gone shows when it is read from."""
        with suppress(BlockingIOError, ConnectionError):
            while self._unsent:
                sent = self.channel.send(self._unsent[0])
                self._unsent[0] = self._unsent[0][sent:]
                if not self._unsent[0]:
                    self._unsent.popleft()

    def receive(self) -> Iterator[bytes] | None:
        """The messages that one read completes; None when the worker has closed its end.

        Raises (while iterated):
            ParserCrashedError: a message announces more bytes than any may have.
        """
        try:
            data = self.channel.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return iter(())
        except ConnectionError:
            return None
        return self._frames.feed(data) if data else None

    def watch(self) -> bool:
        """Take note of the memory in use; False when the process has ended.

        A process that has ended can still seem to hold its channel: one that it started may have it, too.
        """
        try:
            statm = Path(f"/proc/{self.process.pid}/statm").read_bytes()
        except OSError:
            return self.process.poll() is None
        self.resident_bytes = int(statm.split()[1]) * os.sysconf("SC_PAGE_SIZE")
        return self.resident_bytes > 0

    def kill(self) -> None:
        """Kill the process and those that it started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def end(self) -> Ending:
        """Kill what may be left of the process, and let go of it."""
        self.kill()
        status = self.process.wait()
        self.channel.close()
        os.close(self._lifeline)
        with self._errors:
            self._errors.seek(max(0, self._errors.seek(0, os.SEEK_END) - _LAST_WORDS))
            words = self._errors.read().decode("utf-8", "replace").strip()
        return Ending(status, words.splitlines()[-1] if words else "it wrote nothing")
