"""A real ``troika serve`` in a process of its own, asked over HTTP, and its memory read from /proc."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from typing import IO

import httpx

from ingest.errors import TroikaError

START_SECONDS = 300.0
ANSWER_SECONDS = 60.0
_KIB_PER_MB = 1_000_000 / 1024


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory of a process in MB (10^6 bytes): now, and the most it ever was."""

    resident_mb: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that is ready; ``start_seconds`` is the time from its command until it was."""

    process: subprocess.Popen[bytes]
    address: str
    start_seconds: float


def measure_server_memory(home: Path, collection: str, questions: Sequence[str]) -> Memory:
    """Start a server on a free port, put the questions to it, and read its memory.

    Raises:
        TroikaError: the server did not start, refused a question, or the system has no /proc.
    """
    with running_server(home, collection) as server:
        for question in questions:
            response = httpx.post(
                f"{server.address}/v1/query", json={"question": question}, timeout=ANSWER_SECONDS
            )
            if response.status_code != HTTPStatus.OK:
                raise TroikaError(
                    f"the server answered {response.status_code} to {question!r}: {response.text[:300]}"
                )
        return read_memory(server.process.pid)


def read_memory(process_id: int) -> Memory:
    """The resident memory of a process.

    Raises:
        TroikaError: there is no such process, or the system has no /proc.
    """
    path = Path(f"/proc/{process_id}/status")
    try:
        status = path.read_text("utf-8")
    except OSError as error:
        raise TroikaError(f"{path} cannot be read ({error.strerror}): this needs Linux.") from error
    sizes = dict(re.findall(r"^(VmRSS|VmHWM):\s+(\d+) kB$", status, re.MULTILINE))
    return Memory(int(sizes["VmRSS"]) / _KIB_PER_MB, int(sizes["VmHWM"]) / _KIB_PER_MB)


def read_processor_seconds(process_id: int) -> float:
    """The processor time that a process has taken, of all its threads.

    Raises:
        TroikaError: there is no such process, or the system has no /proc.
    """
    path = Path(f"/proc/{process_id}/stat")
    try:
        fields = path.read_text("utf-8").rpartition(")")[2].split()
    except OSError as error:
        raise TroikaError(f"{path} cannot be read ({error.strerror}): this needs Linux.") from error
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def running_server(
    home: Path,
    collection: str,
    variables: Mapping[str, str] = MappingProxyType({}),
    ready_by: str = "/readyz",
) -> Generator[RunningServer]:
    """A server of ``collection`` that is well at ``ready_by``; ``variables`` are added to its environment.

    Raises:
        TroikaError: it did not start.
    """
    port = _free_port()
    environment = os.environ | {"TROIKA_HOME": str(home), "TROIKA_COLLECTION": collection} | dict(variables)
    command = [sys.executable, "-m", "troika", "serve", "--host", "127.0.0.1", "--port", str(port)]
    with tempfile.TemporaryFile() as log:
        begun = time.monotonic()
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_until_ready(process, f"{address}{ready_by}", log)
            yield RunningServer(process, address, time.monotonic() - begun)
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: IO[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise TroikaError(f"the server ended with code {process.returncode}: {_last_line(log)}")
        try:
            if httpx.get(url, timeout=5.0).status_code == HTTPStatus.OK:
                return
        except httpx.TransportError:
            pass  # It does not listen yet.
        time.sleep(0.1)
    raise TroikaError(f"the server was not ready after {START_SECONDS:.0f} s: {_last_line(log)}")


def _last_line(log: IO[bytes]) -> str:
    log.seek(0)
    lines = log.read().decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing."


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
