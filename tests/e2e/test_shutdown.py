"""A real server that is told to stop again and again while it is asked: nobody is left without an answer.

The socket that it listens on is held by the test and inherited by one server after the other, as under a
supervisor with socket activation, so that clients wait in it meanwhile.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ingest.pipeline import ingest_documents
from ingest.settings import Settings
from service.history.history import open_history
from tests.small_handbook import small_handbook

ROOT = Path(__file__).parents[2]
QUESTIONS = ("Which rank is the default for an adapter?", "What does a gate compare?", "引用的文字是什么？")
CLIENTS = 6
PATIENCE_SECONDS = 300


@dataclass
class Client(threading.Thread):
    """Asks without a pause, each time over a new connection: one that idles may be closed at any time."""

    address: tuple[str, int]
    seed: int
    told: list[str] = field(default_factory=list[str])
    failures: list[str] = field(default_factory=list[str])
    enough: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    __hash__ = threading.Thread.__hash__

    def run(self) -> None:
        chance = random.Random(self.seed)
        while not self.enough.is_set():
            question = {
                "question": chance.choice(QUESTIONS),
                "stream": chance.random() < 0.5,
                "cache": chance.random() < 0.5,
            }
            connection = http.client.HTTPConnection(*self.address, timeout=PATIENCE_SECONDS)
            with closing(connection):
                try:
                    self.told.append(_answer_id(connection, question))
                except Exception as error:
                    self.failures.append(f"{question}: {error!r}")


def _answer_id(connection: http.client.HTTPConnection, question: dict[str, object]) -> str:
    """Ask; the id of the answer, which has to be there as a whole."""
    body = json.dumps(question)
    connection.request("POST", "/v1/query", body, {"content-type": "application/json"})
    response = connection.getresponse()
    text = response.read().decode()
    assert response.status == 200, (response.status, text)
    if question["stream"]:
        last = text.rstrip().split("\n\n")[-1]
        assert last.startswith("event: done\n"), last
        text = last.partition("data: ")[2]
    return str(json.loads(text)["id"])


@contextmanager
def server(home: Path, listener: socket.socket) -> Iterator[subprocess.Popen[bytes]]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "TROIKA_HOME": str(home),
        "TROIKA_GENERATOR__KIND": "extractive",
        "TROIKA_SERVER__FD": str(listener.fileno()),
    }
    command = [sys.executable, "-m", "troika", "serve"]
    with (home / "server.log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=home, env=environment, stderr=log, pass_fds=[listener.fileno()]
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def serve_once(home: Path, listener: socket.socket, clients: list[Client], seconds: float) -> None:
    """Serve until answers have come for ``seconds``, then stop as a supervisor would."""
    with server(home, listener) as process:
        before = sum(len(client.told) for client in clients)
        give_up = time.monotonic() + PATIENCE_SECONDS
        while sum(len(client.told) for client in clients) == before:
            assert process.poll() is None
            assert time.monotonic() < give_up
            time.sleep(0.02)
        time.sleep(seconds)
        process.send_signal(signal.SIGTERM)
        assert process.wait(40) in (0, -signal.SIGTERM)


@pytest.mark.parametrize("times", [1, pytest.param(100, marks=pytest.mark.slow)])
def test_nobody_is_left_without_an_answer_when_the_server_is_told_to_stop(home: Path, times: int) -> None:
    settings = Settings(home=home)
    ingest_documents(small_handbook(), settings.collection, settings)
    chance = random.Random(times)
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        clients = [Client(listener.getsockname(), seed) for seed in range(CLIENTS)]
        for client in clients:
            client.start()
        for _ in range(times):
            serve_once(home, listener, clients, chance.uniform(0.0, 0.6))
        for client in clients:
            client.enough.set()
        with server(home, listener) as last:  # for those who still wait
            for client in clients:
                client.join(PATIENCE_SECONDS)
                assert not client.is_alive()
            last.send_signal(signal.SIGTERM)
            last.wait(40)
    assert [failure for client in clients for failure in client.failures] == []
    told = [answer_id for client in clients for answer_id in client.told]
    assert len(told) >= times
    history = open_history(settings)
    kept = {answer_id for answer_id in told if history.get(answer_id)}
    history.close()
    assert len(kept) == len(told) == len(set(told))
