"""An answer is made again from the snapshot that it was made from, whatever has been ingested since."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ingest.document import Document, document_id
from ingest.errors import AnswerNotFoundError, SnapshotNotFoundError, UsageError
from ingest.filters.forms import read_filter
from ingest.pipeline import ingest_documents
from ingest.settings import Settings, load_settings
from service.answer import Answer
from service.cache.caching_factory import open_caching_pipeline
from service.history.history import open_history
from service.question import Inquiry
from service.replay.again import replay
from service.replay.cli import replay_app
from tests.small_handbook import small_handbook

QUESTION = "Which rank is the default for an adapter?"
INQUIRY = Inquiry(
    QUESTION,
    passages=2,
    history=("What is LoRA?", "It trains small matrices."),
    wanted=read_filter({"uri": {"prefix": ""}}),
    asker="ann",
)


@pytest.fixture
def extractive(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("TROIKA_HOME", str(settings.home))
    monkeypatch.setenv("TROIKA_GENERATOR__KIND", "extractive")
    return load_settings({"home": settings.home, "generator.kind": "extractive"}, environment={})


def ask(settings: Settings, inquiry: Inquiry) -> Answer:
    async def answer() -> Answer:
        async with open_caching_pipeline(settings, settings.collection) as pipeline:
            return await pipeline.answer(inquiry)

    return asyncio.run(answer())


def changed(documents: list[Document]) -> list[Document]:
    texts = [document.text.replace("16", "64") for document in documents]
    return [
        replace(document, id=document_id(document.uri, text), text=text, content_sha256="1" * 64)
        for document, text in zip(documents, texts, strict=True)
    ]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(replay_app, arguments)


def test_an_answer_comes_out_the_same_from_its_own_snapshot_and_is_not_kept_again(
    extractive: Settings,
) -> None:
    ingest_documents(small_handbook(), extractive.collection, extractive)
    answers = [ask(extractive, inquiry) for inquiry in (INQUIRY, Inquiry(QUESTION), Inquiry(QUESTION))]
    assert answers[2].cache is not None
    ingest_documents(changed(small_handbook()), extractive.collection, extractive)
    assert "64" in ask(extractive, Inquiry(QUESTION)).text
    for answer in answers:
        difference = asyncio.run(replay(extractive, answer.id))
        assert difference.equal
        assert difference.now.cache is None
        assert len(difference.now.passages) == len(answer.passages)
    with_history = open_history(extractive)
    assert len(list(with_history.answers())) == 4
    with_history.close()
    shown = run(answers[0].id)
    assert (shown.exit_code, shown.stdout.splitlines()[-1]) == (0, "the same answer")
    told = json.loads(run(answers[1].id, "--json").stdout)
    assert (told["equal"], told["then"]["text"]) == (True, answers[1].text)


def test_a_different_answer_is_shown_and_is_a_failure(extractive: Settings) -> None:
    ingest_documents(small_handbook(), extractive.collection, extractive)
    answer = ask(extractive, Inquiry(QUESTION))
    history = open_history(extractive)
    history.keep(replace(answer, id="edited", text=answer.text.replace("16", "8")), Inquiry(QUESTION))
    history.close()
    shown = run("edited")
    assert shown.exit_code == 1
    assert "[-8-]{+16+}" in shown.stdout


def test_what_cannot_be_replayed_says_why(extractive: Settings, tmp_path: Path) -> None:
    ingest_documents(small_handbook(), extractive.collection, extractive)
    answer = ask(extractive, Inquiry(QUESTION))
    history = open_history(extractive)
    history.keep(replace(answer, id="old"))
    history.close()
    with pytest.raises(UsageError, match="kept by an older Troika"):
        asyncio.run(replay(extractive, "old"))
    with pytest.raises(AnswerNotFoundError):
        asyncio.run(replay(extractive, "nope"))
    few = load_settings({"home": extractive.home, "ingest.keep_snapshots": 1}, environment={})
    ingest_documents(changed(small_handbook()), extractive.collection, few)
    with pytest.raises(SnapshotNotFoundError, match=r"ingest\.keep_snapshots"):
        asyncio.run(replay(extractive, answer.id))
