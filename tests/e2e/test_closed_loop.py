"""From what readers say to another answer, and back, through a server that runs all the while."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from eval.decision.gate import judge
from eval.decision.gate_config import GateConfig, Superior
from eval.decision.gate_report import gate_report, write_gate_report
from eval.decision.pairs import Pairs
from finetune.data.mine import mine
from finetune.data.mine_collections import opened_collections, opened_history
from finetune.promote import promote_proven, verify_releases
from ingest.pipeline import ingest_documents
from ingest.settings import GeneratorSettings, Settings
from ingest.snapshots.snapshot import open_snapshot
from service.prompt import PROMPT_ID
from service.releases.adapters import Provenance, keep_adapter
from service.releases.promotion import rollback
from service.releases.release import WEIGHTS, model_fingerprint
from service.releases.release_history import BASE, Change
from tests.eval.decision.runs import identity, records
from tests.finetune.tiny_adapter import write_tiny_adapter
from tests.finetune.tiny_model import write_tiny_gguf
from tests.small_handbook import small_handbook

ROOT = Path(__file__).parents[2]
COLLECTION = "small"
QUESTION = "Which rank is the default for an adapter?"
MOST_QUESTIONS = 200


@pytest.fixture
def settings(home: Path) -> Settings:
    """A home with a small collection and a tiny model, whose own words are shown whatever they are."""
    tiny = home / "tiny.gguf"
    settings = Settings(home=home, collection=COLLECTION, generator=GeneratorSettings(model=str(tiny)))
    ingest_documents(small_handbook(), COLLECTION, settings)
    write_tiny_gguf(tiny)
    return settings


@contextmanager
def served(settings: Settings) -> Iterator[httpx.Client]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "TROIKA_HOME": str(settings.home),
        "TROIKA_COLLECTION": COLLECTION,
        "TROIKA_GENERATOR__MODEL": str(settings.home / "tiny.gguf"),
        "TROIKA_GENERATOR__MAX_TOKENS": "6",
        "TROIKA_GENERATOR__THREADS": "1",
        "TROIKA_RETRIEVAL__PASSAGES": "1",
        "TROIKA_RETRIEVAL__PASSAGE_TOKENS": "60",
        "TROIKA_ANSWER__GROUNDING": "mark",
        "TROIKA_CANARY__CHECK_SECONDS": "0",
        "TROIKA_CANARY__FEWEST_ANSWERS": "5",
    }
    command = [sys.executable, "-m", "troika", "serve", "--port", port]
    with subprocess.Popen(command, cwd=settings.home, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
                wait_until_ready(client, process)
                yield client
        finally:
            process.kill()


def wait_until_ready(client: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + 120
    while time.monotonic() < give_up and process.poll() is None:
        try:
            if client.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    pytest.fail("the server did not become ready")


def ask(client: httpx.Client, question: str) -> dict[str, Any]:
    return client.post("/v1/query", json={"question": question, "cache": False}).raise_for_status().json()


def answered_by(client: httpx.Client, release: str) -> dict[str, Any]:
    """The answer once the server has opened ``release``; the one before it answers meanwhile."""
    give_up = time.monotonic() + 60
    while (answer := ask(client, QUESTION))["release"] != release:
        assert time.monotonic() < give_up, f"{answer['release']} answers, expected {release}"
    return answer


def say(client: httpx.Client, answer: dict[str, Any], verdict: str, correction: str | None = None) -> None:
    said = {"answer_id": answer["id"], "verdict": verdict, "correction": correction}
    client.post("/v1/feedback", json=said).raise_for_status()


def kept(settings: Settings, seed: int) -> str:
    """An adapter of random weights for the tiny model."""
    folder = settings.home / f"run-{seed}"
    folder.mkdir()
    write_tiny_adapter(folder / "adapter.gguf", seed)
    (folder / "adapter_config.json").write_text("{}")
    (folder / WEIGHTS).write_bytes(bytes([seed]))
    provenance = Provenance(model_fingerprint(settings.home / "tiny.gguf"), PROMPT_ID, "d" * 64)
    return keep_adapter(settings.home, "sft", sorted(folder.iterdir()), provenance).name


def proof(settings: Settings, name: str, baseline: str) -> Path:
    """The report of a gate that made-up runs have passed: what a random adapter says is no better."""
    snapshot = open_snapshot(settings.home, COLLECTION)
    run = replace(identity(), prompt_id=PROMPT_ID, snapshot_id=snapshot.id, collection=COLLECTION)
    snapshot.close()
    pairs = Pairs(
        replace(run, release=baseline),
        replace(run, release=name),
        tuple(records(0.5)),
        tuple(records(0.8)),
    )
    config = GateConfig(superior=(Superior(measure="f1"),))
    path = settings.home / f"{name}.json"
    write_gate_report(path, gate_report(config, judge(config, pairs), pairs, None))
    return path


def test_a_server_follows_its_releases_and_takes_a_bad_canary_back(settings: Settings) -> None:
    first, second = kept(settings, 1), kept(settings, 2)
    with served(settings) as client:
        before = answered_by(client, BASE)
        assert before["degraded"] is None
        say(client, before, "down", "A rank of 16 is the default [1].")
        with opened_history(settings) as history, opened_collections(settings) as collections:
            mined = mine(history, collections, None)
        assert [row.target for row in mined.examples] == ["A rank of 16 is the default [1]."]

        promote_proven(settings, first, proof(settings, first, BASE))
        after = answered_by(client, first)
        assert after["text"] != before["text"]

        promote_proven(settings, second, proof(settings, second, first), 0.5)
        state: dict[str, Any] = {}
        for number in range(MOST_QUESTIONS):
            answer = ask(client, f"{QUESTION} {number}")
            say(client, answer, "down" if answer["release"] == second else "up")
            state = client.get("/v1/adapters").json()
            if state["canary"] is None:
                break
        assert state["served"] == first
        assert state["last_change"]["change"] == Change.TAKEN_BACK
        assert state["last_change"]["reason"].startswith(f"{second} was taken back: down_votes: candidate ")
        assert {ask(client, f"{QUESTION} {number}")["release"] for number in range(8)} == {first}

        rollback(settings.home)
        assert answered_by(client, BASE)["text"] == before["text"]
    changes = [record.change for record in verify_releases(settings.home)]
    assert changes == [Change.PROMOTED, Change.CANARY, Change.TAKEN_BACK, Change.ROLLED_BACK]


@pytest.mark.slow
def test_the_example_of_the_closed_loop_trains_and_serves_what_readers_taught(home: Path) -> None:
    pytest.importorskip("trl")
    example = ROOT / "examples" / "closed_loop" / "run.py"
    done = subprocess.run(
        [sys.executable, example, "--home", home, "--readers", "28"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
