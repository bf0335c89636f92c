from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from ingest.errors import SettingsError
from ingest.settings import Settings
from ingest.settings_server import ServerSettings
from service.server import listen
from tests.service.conftest import COLLECTION

ROOT = Path(__file__).parents[2]
QUESTION = "Which rank is the default for an adapter?"


@pytest.fixture
def serving_home(small_settings: Settings, tmp_path: Path) -> Path:
    for name in ("collections", "models"):
        (tmp_path / name).symlink_to(small_settings.home / name)
    return tmp_path


@contextmanager
def serve(home: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """``troika serve`` without a model, in a process of its own."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "TROIKA_HOME": str(home),
        "TROIKA_COLLECTION": COLLECTION,
        "TROIKA_GENERATOR__KIND": "extractive",
    }
    command = [sys.executable, "-m", "troika", "serve", "--port", str(port)]
    with subprocess.Popen(command, cwd=home, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def port_of(server: socket.socket) -> int:
    return server.getsockname()[1]


def wait_until_ready(url: str, process: subprocess.Popen[str]) -> None:
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up and process.poll() is None:
        try:
            if httpx.get(f"{url}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    pytest.fail("the server did not become ready")


def test_the_server_answers_until_it_is_told_to_stop(serving_home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = port_of(probe)
    url = f"http://127.0.0.1:{port}"
    with serve(serving_home, port) as process:
        wait_until_ready(url, process)
        answer = httpx.post(f"{url}/v1/query", json={"question": QUESTION}, timeout=30).json()
        events = httpx.post(f"{url}/v1/query", json={"question": QUESTION, "stream": True}, timeout=30).text
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) in (0, -signal.SIGTERM)
    assert "A rank of 16 is the default" in answer["text"]
    assert events.index("event: retrieval") < events.index("event: citation") < events.index("event: done")
    assert (serving_home / "history.sqlite").is_file()


def test_a_port_that_is_taken_is_said_and_fails(serving_home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, serve(serving_home, port_of(taken)) as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert errors.startswith("error[settings_invalid]: cannot listen on 127.0.0.1 port")
    assert len(errors.splitlines()) == 1
    assert not (serving_home / "history.sqlite").exists()


def test_the_body_of_an_answer_does_not_wait_for_its_head() -> None:
    with listen(ServerSettings(port=0)) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_socket_that_was_inherited_is_listened_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as parent:
        with listen(ServerSettings(fd=os.dup(parent.fileno()))) as listener:
            assert listener.getsockname() == parent.getsockname()


def test_what_was_inherited_and_does_not_listen_is_refused(tmp_path: Path) -> None:
    with socket.socket() as idle, (tmp_path / "file").open("w") as file:
        for fd, found in ((idle.fileno(), "does not listen"), (file.fileno(), "no socket")):
            with pytest.raises(SettingsError, match=found):
                listen(ServerSettings(fd=os.dup(fd)))
