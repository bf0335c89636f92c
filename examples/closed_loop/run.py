"""The closed loop, with Troika's own commands: readers correct answers, and the next answers are better.

    python examples/closed_loop/run.py [--home FOLDER] [--readers 32]

A server answers questions about the sample handbook; readers, played by ``examples/finetune/qa.jsonl``,
correct its answers over HTTP. The corrections are mined and trained on. Then the adapter and the base model
answer questions that nobody corrected; a gate decides; the running server takes the adapter over, and gives
it back when it is rolled back. Exit 0 if every step did what it should, 1 if the gate or a step refused.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
HANDBOOK = ROOT / "examples" / "handbook"
CORRECTIONS = ROOT / "examples" / "finetune" / "qa.jsonl"
HELD_OUT = ROOT / "examples" / "questions.jsonl"
QUESTION = "How are the matrices A and B of a fresh LoRA adapter initialised?"
START_SECONDS = 600.0
ANSWER_SECONDS = 300.0


@dataclass(frozen=True)
class Troika:
    """Runs the commands of Troika over one home."""

    home: Path

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(ROOT), "TROIKA_HOME": str(self.home)}

    def command(self, *arguments: str | Path) -> list[str]:
        words = [str(argument) for argument in arguments]
        print(f"$ troika {shlex.join(words)}", flush=True)
        return [sys.executable, "-m", "troika", *words]

    def run(self, *arguments: str | Path, may_refuse: bool = False) -> str:
        """What a command prints; a command that fails ends the example with its exit status."""
        done = subprocess.run(
            self.command(*arguments), env=self.environment, stdout=subprocess.PIPE, text=True, check=False
        )
        if done.returncode and not may_refuse:
            print(done.stdout, end="")
            raise SystemExit(done.returncode)
        return done.stdout

    def json(self, *arguments: str | Path) -> Any:
        return json.loads(self.run(*arguments, "--json"))

    @contextmanager
    def served(self) -> Iterator[httpx.Client]:
        """A client of a server that runs meanwhile."""
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = str(probe.getsockname()[1])
        log = (self.home / "server.log").open("w")
        with (
            log,
            subprocess.Popen(
                self.command("serve", "--port", port), env=self.environment, stderr=log
            ) as server,
        ):
            try:
                with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=ANSWER_SECONDS) as client:
                    wait_until_ready(client, server)
                    yield client
            finally:
                server.terminate()


def wait_until_ready(client: httpx.Client, server: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up and server.poll() is None:
        try:
            if client.get("/readyz").status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise SystemExit("the server did not become ready: see server.log in the home")


def ask(client: httpx.Client, question: str) -> dict[str, Any]:
    return client.post("/v1/query", json={"question": question, "cache": False}).raise_for_status().json()


def answered_by(client: httpx.Client, release: str) -> dict[str, Any]:
    """The answer once the server has opened ``release``; the one before it answers meanwhile."""
    give_up = time.monotonic() + START_SECONDS
    while (answer := ask(client, QUESTION))["release"] != release and time.monotonic() < give_up:
        time.sleep(1)
    return show(answer)


def show(answer: dict[str, Any]) -> dict[str, Any]:
    how = f"{answer['release']}, {answer['degraded'] or answer['generator']}"
    print(f"  Q: {answer['question']}\n  A: {answer['text']} ({how})", flush=True)
    return answer


def correct(client: httpx.Client, readers: int) -> None:
    """Each reader asks a question, and says what would have been the right answer."""
    rows = [json.loads(line) for line in CORRECTIONS.read_text("utf-8").splitlines()]
    rows = [row for row in rows if row["language"] == "en" and row["answerable"]]
    for row in rows[:: max(1, len(rows) // readers)][:readers]:
        judgement = {
            "answer_id": ask(client, row["question"])["id"],
            "verdict": "down",
            "correction": row["evidence"],
        }
        client.post("/v1/feedback", json=judgement).raise_for_status()


def train(troika: Troika) -> str:
    """An adapter from what the readers said; its name."""
    mined = troika.json("finetune", "data", "mine")
    print(f"  {mined['rows']}")
    run = troika.json("finetune", "sft", "--data", mined["files"]["sft"], "--config", HERE / "sft.yaml")
    return troika.json("finetune", "export", run["folder"])["name"]


def prove(troika: Troika, adapter: str) -> Path:
    """A gate's report about the adapter, held against the base model on questions that nobody corrected."""
    runs = {name: troika.home / "loop" / name for name in ("base", adapter)}
    for release, folder in runs.items():
        asked = ("--cases", HELD_OUT, "--language", "en", "--release", release, "--out", folder)
        troika.run("eval", "answers", *asked)
    compared = ("--candidate", runs[adapter], "--baseline", runs["base"], "--config", HERE / "gate.toml")
    print(troika.run("eval", "gate", *compared, may_refuse=True), end="")
    return runs[adapter] / "gate.json"


def main() -> None:
    parser = argparse.ArgumentParser(description="The closed loop, with Troika's own commands.")
    parser.add_argument("--home", type=Path, default=Path(".troika") / "closed-loop")
    parser.add_argument("--readers", type=int, default=32, help="how many questions are asked and corrected")
    arguments = parser.parse_args()
    troika = Troika(arguments.home.resolve())
    troika.home.mkdir(parents=True, exist_ok=True)

    troika.run("ingest", HANDBOOK)
    # The adapter that comes with the package would leave two dozen corrections little to teach.
    troika.run("adapters", "promote", "base")
    with troika.served() as client:
        before = answered_by(client, "base")
        correct(client, arguments.readers)
        adapter = train(troika)
        troika.run("adapters", "promote", adapter, "--report", prove(troika, adapter))
        after = answered_by(client, adapter)
        troika.run("adapters", "rollback")
        back = answered_by(client, "base")
    print(troika.run("adapters", "history", "--verify"), end="")

    if [answer["release"] for answer in (before, after, back)] != ["base", adapter, "base"]:
        raise SystemExit("the server did not follow the releases")
    if after["text"] == before["text"] or back["text"] != before["text"]:
        raise SystemExit("the answer did not change with the release and back")


if __name__ == "__main__":
    main()
