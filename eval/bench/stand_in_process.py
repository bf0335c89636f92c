"""A stand-in for a model server as a process, which can be killed, halted, and started again where it was."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager

_MODULE = "eval.bench.model_stand_in"


class StandInProcess:
    """Answers at ``base_url`` with ``tokens`` words, ``interval`` seconds apart."""

    def __init__(self, tokens: int, interval: float) -> None:
        self._arguments = [sys.executable, "-m", _MODULE, str(tokens), str(interval)]
        self._port = 0
        self._process = self._started()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    def kill(self) -> None:
        """End it at once, in the middle of what it writes."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def start_again(self) -> None:
        """Start one at the same address; returns when it listens."""
        self._process = self._started()

    def halt(self) -> None:
        """Have it say nothing more: connections are made, and never answered."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on where it was halted."""
        self._process.send_signal(signal.SIGCONT)

    def _started(self) -> subprocess.Popen[str]:
        process = subprocess.Popen([*self._arguments, str(self._port)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        self._port = int(process.stdout.readline())
        return process


@contextmanager
def stand_in(tokens: int, interval: float) -> Generator[StandInProcess]:
    """A stand-in that is ended behind the block."""
    process = StandInProcess(tokens, interval)
    try:
        yield process
    finally:
        process.kill()
