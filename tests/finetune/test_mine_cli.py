"""From the reader's click to a file to train on: the real routes, the real history, a real index."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from finetune.cli import finetune_app
from finetune.data.row_files import read_examples, read_judged, read_pairs
from ingest.pipeline import ingest_paths
from ingest.settings import Settings
from service.app import Parts, create_app
from service.history.history import History
from tests.fakes import MemoryPipeline, OnePipeline
from tests.small_handbook import LORA_TEXT, OPERATIONS_TEXT, small_handbook

RANK, GATE = "What is the default rank of an adapter?", "What must an adapter pass before it is served?"


@pytest.fixture(autouse=True)
def environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TROIKA_HOME", str(home))
    monkeypatch.setenv("TROIKA_GENERATOR__KIND", "extractive")


def judge(settings: Settings, *said: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Ask each question over HTTP and send what is said of its answer; returns the answers."""
    history = History(settings.home / "history.sqlite")
    # What was served held nothing of the gate; the collection that is searched later does.
    pipeline = MemoryPipeline(small_handbook()[1:], history)
    app = create_app(settings, Parts(OnePipeline(pipeline), history))

    async def send() -> list[dict[str, Any]]:
        answers: list[dict[str, Any]] = []
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://localhost"
        ) as client:
            for question, judgement in said:
                answer = (await client.post("/v1/query", json={"question": question})).json()
                body = {"answer_id": answer["id"], "verdict": "down"} | judgement
                assert (await client.post("/v1/feedback", json=body)).status_code == 201
                answers.append(answer)
        return answers

    try:
        return asyncio.run(send())
    finally:
        history.close()


def mined(*arguments: str) -> dict[str, Any]:
    result = CliRunner().invoke(finetune_app, ["data", "mine", "--json", *arguments])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_what_readers_send_is_mined_and_retrieval_is_blamed_by_the_real_index(
    settings: Settings, tmp_path: Path
) -> None:
    documents = tmp_path / "handbook"
    documents.mkdir()
    for name, text in {"lora.md": LORA_TEXT, "operations.md": OPERATIONS_TEXT}.items():
        (documents / name).write_text(text, "utf-8")
    ingest_paths([documents], "default", settings)
    hardware = "How long does a rank of 16 train?"
    answers = judge(
        settings,
        (hardware, {"correction": "A rank of 16 trains in about ten minutes."}),
        (GATE, {"correction": "Every adapter passes a gate before it is served."}),
        ("引用指向哪里？", {"verdict": "up", "comment": "a@acme.io"}),
    )
    report = mined("--redact")
    assert report["rows"] == {"sft": 1, "dpo": 1, "kto": 2, "rank": 0, "retrieval": 1}
    assert report["blame"] == {"not_retrieved": 1}
    assert report["left_out"] == {"retrieval is to blame": 1}
    (example,) = read_examples(Path(report["files"]["sft"]))
    assert example.id == f"feedback:{answers[0]['id']}"
    assert example.target.startswith("A rank of 16 trains in about ten minutes. [")
    assert [pair.rejected for pair in read_pairs(Path(report["files"]["dpo"]))] == [answers[0]["text"]]
    assert [row.good for row in read_judged(Path(report["files"]["kto"]))] == [False, True]
    (row,) = map(json.loads, Path(report["files"]["retrieval"]).read_text("utf-8").splitlines())
    assert (row["id"], row["query"]) == (f"feedback:{answers[1]['id']}", GATE)
    assert "passes a gate before it is served" in row["positive"]


def test_without_a_judgement_nothing_is_written(settings: Settings) -> None:
    assert mined()["files"] == {}
    judge(settings, (RANK, {}))
    assert mined("--since", "2999-01-01")["rows"]["kto"] == 0
    assert mined("--since", "2026-01-01")["rows"]["kto"] == 1
