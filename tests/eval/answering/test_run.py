"""A run answers what has no answer yet, wherever it is answered and however often it is broken off."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import eval.answering.run as run_module
from eval.answering.answerer import Answerer, Served
from eval.answering.in_process import CollectionAnswerer
from eval.answering.over_http import ServerAddress
from eval.answering.run import AnswerRequest, new_folder, run_answers
from eval.answering.window import answer_cases
from eval.bench.server_process import running_server
from eval.cases.case import Case
from eval.cases.select import Selection
from eval.cli import eval_app
from eval.runs.folder import RECORDS
from eval.runs.record import CaseRecord
from ingest.choices import Engine
from ingest.errors import CasesError, GeneratorError, RunMismatchError, ServerError
from ingest.settings import AnswerSettings, Settings
from tests.eval.answering.conftest import write_cases
from tests.eval.answering.records import made
from tests.eval.fakes import FakePipeline

SERVED = Served("fake", "prompt", "base", "c", "s")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a pipeline answer that loads no model."""
    pipeline = FakePipeline({"file:///lora.md": "LoRA freezes the weights."}, {})

    @asynccontextmanager
    async def opened(
        settings: Settings, *, oracle: bool, release: str | None
    ) -> AsyncGenerator[tuple[CollectionAnswerer, Served]]:
        yield CollectionAnswerer(pipeline, pipeline), SERVED

    monkeypatch.setattr(run_module, "open_answerer", opened)


def test_every_case_is_answered_and_checked(small_settings: Settings, cases: Path, tmp_path: Path) -> None:
    folder = run_answers(small_settings, AnswerRequest(cases, tmp_path / "run", concurrency=2))
    records = made(folder)
    assert set(records) == {"rank-0", "weights-0", "quotes-0", "lunch-0"}
    assert {name: record.found_at for name, record in records.items()} == {
        "rank-0": 1, "weights-0": 1, "quotes-0": 1, "lunch-0": None
    }  # fmt: skip
    rank, lunch = records["rank-0"].answer, records["lunch-0"].answer
    assert rank is not None
    assert lunch is not None
    assert rank.citations
    assert all(citation.exact and citation.right for citation in rank.citations)
    assert lunch.abstained
    identity = folder.identity
    assert (identity.case_count, identity.collection) == (4, "small")
    assert {record.answer.snapshot_id for record in records.values() if record.answer} == {
        identity.snapshot_id
    }


@pytest.mark.usefixtures("quick")
def test_a_run_that_was_broken_off_is_gone_on_with(
    cases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def some(
        answerer: Answerer, left: Iterable[Case], concurrency: int = 1
    ) -> AsyncGenerator[CaseRecord]:
        async for record in answer_cases(answerer, left, concurrency):
            asked.append(record.case.id)
            yield record
            if len(asked) == 2:
                raise ServerError("the server is gone.")

    monkeypatch.setattr(run_module, "answer_cases", some)
    request = AnswerRequest(cases, tmp_path / "run")
    with pytest.raises(ServerError):
        run_answers(Settings(), request)
    with (tmp_path / "run" / RECORDS).open("ab") as file:
        file.write(b'{"case":')
    whole = run_answers(Settings(), request)
    assert asked == ["rank-0", "weights-0", "quotes-0", "lunch-0"]
    assert set(made(whole)) == set(asked)
    assert run_answers(Settings(), request) == whole
    assert len(asked) == 4


@pytest.mark.usefixtures("quick")
def test_a_run_of_other_settings_is_begun_anew_when_asked(cases: Path, tmp_path: Path) -> None:
    request = AnswerRequest(cases, tmp_path / "run", Selection(limit=1))
    begun = run_answers(Settings(), request)
    other = Settings(answer=AnswerSettings(min_evidence=1.0))
    with pytest.raises(RunMismatchError, match="settings_sha256"):
        run_answers(other, request)
    anew = run_answers(other, dataclasses.replace(request, restart=True))
    assert anew.identity.settings_sha256 != begun.identity.settings_sha256
    assert set(made(anew)) == {"rank-0"}


@pytest.mark.usefixtures("quick")
def test_a_run_in_which_every_case_fails_says_why(tmp_path: Path) -> None:
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"id": "a", "question": "break", "language": "en", "answerable": false}\n', "utf-8")
    with pytest.raises(GeneratorError, match=r"none of the 1 cases was answered; the first: .* broke"):
        run_answers(Settings(), AnswerRequest(broken, tmp_path / "run"))


@pytest.mark.usefixtures("quick")
def test_an_oracle_run_needs_passages(tmp_path: Path) -> None:
    bare = tmp_path / "bare.jsonl"
    bare.write_text('{"id": "a", "question": "Why?", "language": "en", "answerable": false}\n', "utf-8")
    with pytest.raises(CasesError, match="passages of its own"):
        run_answers(Settings(), AnswerRequest(bare, tmp_path / "run", oracle=True))


def test_an_oracle_run_answers_from_the_passages_of_the_cases(
    small_settings: Settings, cases: Path, tmp_path: Path
) -> None:
    request = AnswerRequest(cases, tmp_path / "run", Selection(limit=2), oracle=True)
    records = made(run_answers(small_settings, request))
    weights = records["weights-0"].answer
    assert weights is not None
    assert [passage.text for passage in weights.passages] == ["LoRA freezes the weights."]


def test_a_run_without_a_name_gets_one(tmp_path: Path) -> None:
    folder = new_folder(tmp_path, tmp_path / "squad" / "queries.jsonl")
    assert folder.parent == tmp_path / "evaluations"
    assert folder.name.startswith("squad-2")


def run_command(settings: Settings, *arguments: str) -> subprocess.Popen[bytes]:
    """``troika eval answers`` in a process of its own."""
    variables = {"TROIKA_HOME": str(settings.home), "TROIKA_COLLECTION": settings.collection}
    command = [sys.executable, "-m", "troika", "eval", "answers", "--generator", "extractive", *arguments]
    return subprocess.Popen(
        command, env=os.environ | variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


@pytest.mark.slow
def test_a_killed_run_ends_with_the_records_of_one_that_was_not(
    small_settings: Settings, tmp_path: Path
) -> None:
    many = write_cases(tmp_path / "many.jsonl", times=60)
    records = tmp_path / "killed" / RECORDS
    with run_command(small_settings, "--cases", str(many), "--out", str(records.parent)) as process:
        deadline = time.monotonic() + 60.0
        while not (records.exists() and records.stat().st_size > 10_000):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.kill()
    before = records.read_bytes()
    assert 0 < before.count(b"\n") < 240
    request = AnswerRequest(many, records.parent)
    resumed = run_answers(small_settings, request)
    assert records.read_bytes().startswith(before[: before.rindex(b"\n") + 1])
    unbroken = run_answers(small_settings, dataclasses.replace(request, folder=tmp_path / "unbroken"))
    assert made(resumed) == made(unbroken)


@pytest.mark.slow
def test_a_server_gives_the_records_of_this_process(
    small_settings: Settings, cases: Path, tmp_path: Path
) -> None:
    here = run_answers(small_settings, AnswerRequest(cases, tmp_path / "here"))
    variables = {"TROIKA_GENERATOR__KIND": "extractive"}
    with running_server(small_settings.home, small_settings.collection, variables) as server:
        request = AnswerRequest(cases, tmp_path / "there", server=ServerAddress(server.address))
        there = run_answers(small_settings, request)
        arguments = (
            "answers",
            "--cases",
            str(cases),
            "--url",
            server.address,
            "--out",
            str(tmp_path / "there"),
        )
        again = CliRunner().invoke(eval_app, [*arguments, "--json"], catch_exceptions=False)
    assert made(there) == made(here)
    assert all(record.first_token_ms is not None for record in there.records())
    assert there.identity.url == server.address
    assert there.identity.snapshot_id == here.identity.snapshot_id
    report: dict[str, Any] = json.loads(again.stdout)
    assert (again.exit_code, report["cases"], report["metrics"]["document_in_top_5"]) == (0, 4, 1.0)


@pytest.mark.slow
def test_ray_gives_the_records_of_this_process(small_settings: Settings, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="the extra ray is not installed")
    several = write_cases(tmp_path / "several.jsonl", times=3)
    here = run_answers(small_settings, AnswerRequest(several, tmp_path / "here"))
    request = AnswerRequest(several, tmp_path / "there", engine=Engine.RAY, concurrency=2)
    there = run_answers(small_settings, request)
    assert made(there) == made(here)
    assert there.identity.settings_sha256 == here.identity.settings_sha256
