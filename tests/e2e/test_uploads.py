"""Documents uploaded to a real server: the job, the citation, the deletion, and the death of the server."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from ingest.snapshots.verify import verify_collection

ROOT = Path(__file__).parents[2]
SECONDS = 300.0


@dataclass
class Server:
    """``troika serve`` in a process of its own, over a home that outlives it."""

    home: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answers(self) -> bool:
        assert self.process.poll() is None, self.log()
        try:
            return httpx.get(f"{self.url}/healthz").is_success
        except httpx.TransportError:
            return False

    def log(self) -> str:
        return (self.home / "server.log").read_text(errors="replace")[-3000:]

    def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SECONDS
        while not holds():
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.05)

    def upload(self, files: dict[str, bytes], **fields: str) -> str:
        """Upload to the default collection; the place of the job."""
        parts = [("files", (name, content)) for name, content in files.items()]
        response = httpx.post(f"{self.url}/v1/documents", files=parts, data=fields, timeout=60)
        assert response.status_code == 202, response.text
        return f"{self.url}{response.headers['location']}"

    def watched(self, place: str) -> list[dict[str, Any]]:
        """All that is told of a job until its end."""
        with httpx.stream("GET", place, headers={"accept": "text/event-stream"}, timeout=SECONDS) as events:
            lines = [line for line in events.iter_lines() if line.startswith("data: ")]
        return [json.loads(line.removeprefix("data: ")) for line in lines]

    def job(self, place: str) -> dict[str, Any]:
        return httpx.get(place, timeout=60).json()

    def documents(self) -> dict[str, str]:
        listed = httpx.get(f"{self.url}/v1/documents", timeout=60).json()["documents"]
        return {document["uri"]: document["id"] for document in listed}

    def ask(self, question: str) -> dict[str, Any]:
        return httpx.post(f"{self.url}/v1/query", json={"question": question}, timeout=60).json()

    def children(self) -> list[int]:
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@contextmanager
def serving(home: Path) -> Iterator[Server]:
    """A server over ``home``, killed at the end of the block."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "TROIKA_HOME": str(home),
        "TROIKA_GENERATOR__KIND": "extractive",
        "TROIKA_JOBS__KEEP_FREE_BYTES": "0",
    }
    command = [sys.executable, "-m", "troika", "serve", "--port", str(port)]
    with (home / "server.log").open("ab") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=home)
    server = Server(home, port, process)
    try:
        server.until(server.answers)
        yield server
    finally:
        process.kill()
        process.wait(60)


@pytest.fixture
def server(home: Path) -> Iterator[Server]:
    with serving(home) as started:
        yield started


def bomb() -> bytes:
    """A few kilobytes that unpack to a hundred megabytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("big.txt", b"a" * 100_000_000)
    return packed.getvalue()


def test_what_is_uploaded_is_cited_until_it_is_deleted(server: Server) -> None:
    place = server.upload(
        {
            "badges.md": b"# Badges\n\nA lost badge is reported to the porter within 4 hours.\n",
            "parking.html": b"<h1>Parking</h1><p>The garage on Elm Street closes at 21:30.</p>",
            "broken.pdf": b"%PDF-1.7\nthis is no PDF at all",
            "bomb.zip": bomb(),
        },
        metadata='{"year": 2026}',
    )
    told = server.watched(place)
    assert told[0]["state"] in ("queued", "running")
    job = told[-1]
    assert (job["state"], job["snapshot"] is not None) == ("succeeded", True)
    assert {failure["path"].partition("!/")[0] for failure in job["failures"]} == {
        "upload:///broken.pdf",
        "upload:///bomb.zip",
    }
    answer = server.ask("Within how many hours is a lost badge reported?")
    assert [citation["uri"] for citation in answer["citations"]] == ["upload:///badges.md"]
    assert "4 hours" in answer["citations"][0]["quote"]
    documents = server.documents()
    assert set(documents) == {"upload:///badges.md", "upload:///parking.html"}
    gone = httpx.delete(f"{server.url}/v1/documents/{documents['upload:///badges.md']}", timeout=60)
    assert server.watched(f"{server.url}{gone.headers['location']}")[-1]["state"] == "succeeded"
    again = server.ask("Within how many hours is a lost badge reported?")
    assert all(citation["uri"] != "upload:///badges.md" for citation in again["citations"])
    assert set(server.documents()) == {"upload:///parking.html"}
    kept = httpx.get(f"{server.url}/v1/snapshots", timeout=60).json()["snapshots"]
    assert [snapshot["current"] for snapshot in kept] == [True, False]
    httpx.post(f"{server.url}/v1/collections/default/rollback", json={}, timeout=60).raise_for_status()
    assert set(server.documents()) == {"upload:///badges.md", "upload:///parking.html"}
    metrics = httpx.get(f"{server.url}/metrics", timeout=60).text
    assert 'rag_ingest_chunks_total{state="embedded"}' in metrics


@pytest.mark.slow
def test_a_job_survives_the_death_of_the_server(home: Path) -> None:
    texts = {
        f"{n}.txt": "\n\n".join(
            f"Paragraph {n}.{m} is about matter {n * m}. " * 12 for m in range(12)
        ).encode()
        for n in range(12)
    }
    with serving(home) as server:
        place = server.upload(texts)
        server.until(lambda: server.job(place)["progress"]["stage"] in ("reading", "embedding"))
        (ingest,) = server.children()
        server.process.send_signal(signal.SIGKILL)
        server.process.wait(60)
        server.until(lambda: not Path(f"/proc/{ingest}").exists())  # or it would hold the collection
    with serving(home) as server:
        place = f"{server.url}/v1/jobs/{place.rpartition('/')[2]}"
        assert server.watched(place)[-1]["state"] == "succeeded"
        assert len(server.documents()) == 12
    assert not verify_collection(home, "default").problems
