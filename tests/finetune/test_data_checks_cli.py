from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from finetune.cli import finetune_app
from finetune.data.row_files import read_examples
from ingest.errors import MissingExtraError, ModelNotFoundError, TroikaError, UsageError
from ingest.optional import is_installed
from tests.finetune.conftest import TinyBase

ROW = {
    "id": "a", "question": "Which port does the server of ann@acme.io listen on?", "gold": [1],
    "contexts": ["The rank is 16.", "The server listens on port 8080."],
    "answer": "8080", "answerable": True, "lang": "en",
}  # fmt: skip


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TROIKA_HOME", str(tmp_path / "home"))
    questions = tmp_path / "qa.jsonl"
    questions.write_text(json.dumps(ROW) + "\n")
    assert run("build", str(questions), "--own-contexts")[0] == 0
    return tmp_path / "home" / "data" / "qa.sft.jsonl"


def run(*arguments: str) -> tuple[int, Any]:
    result = CliRunner().invoke(finetune_app, ["data", *arguments])
    if isinstance(result.exception, TroikaError):
        raise result.exception
    return result.exit_code, json.loads(result.stdout) if "--json" in arguments else result.output


def test_a_sound_file_passes_and_leaks_block_it(rows: Path, tmp_path: Path) -> None:
    code, report = run("check", str(rows), "--json")
    assert (code, report["rows"], report["kinds"], report["blocked"]) == (0, 1, {"gold": 1}, [])
    cases = tmp_path / "cases.jsonl"
    case = {"id": "c", "language": "en", "answerable": True, "answers": ["8080"]}
    cases.write_text(json.dumps(case | {"question": ROW["question"]}) + "\n")
    code, text = run("check", str(rows), "--against", str(cases))
    assert code == 1
    assert "blocked: 1 evaluation cases stand in it" in text
    assert f"question (1.00): case c, {rows}, line 1" in text
    assert run("check", str(rows), "--against", str(cases), "--allow", "question")[0] == 0


def test_broken_lines_are_told_of_and_end_with_another_status(rows: Path) -> None:
    with rows.open("a") as file:
        file.write("{}\n")
    code, report = run("check", str(rows), "--json")
    assert (code, report["broken"], report["rows"]) == (2, 1, 1)
    assert "line 2" in report["problems"][0]


def test_a_copy_without_personal_data_is_written(rows: Path, tmp_path: Path) -> None:
    clean = tmp_path / "clean.jsonl"
    code, report = run("check", str(rows), "--redact", str(clean), "--json")
    assert (code, report["personal_data"]) == (0, {"EMAIL": 1})
    assert "of [EMAIL_1] listen" in read_examples(clean)[0].messages[-1].content


def test_tokens_are_counted_with_the_model_s_own_tokenizer(rows: Path, tiny_base: TinyBase) -> None:
    code, report = run("check", str(rows), "--tokenizer", str(tiny_base.folder), "--json")
    assert (code, report["unit"], report["cut_off"]) == (0, "tokens", 0)
    longest = report["prompt_length"]["longest"] + report["answer_length"]["longest"]
    options = ("--tokenizer", str(tiny_base.folder), "--max-length", str(longest - 1))
    assert run("check", str(rows), *options)[0] == 1


def test_names_are_asked_for_by_language_and_model(rows: Path) -> None:
    with pytest.raises(UsageError, match="LANGUAGE=MODEL"):
        run("check", str(rows), "--names", "en")
    expected = ModelNotFoundError if is_installed("presidio_analyzer") else MissingExtraError
    with pytest.raises(expected):
        run("check", str(rows), "--names", "en=nowhere")


def test_questions_are_made_by_a_model(rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TROIKA_GENERATOR__KIND", "extractive")
    with pytest.raises(UsageError, match="writes no questions"):
        run("synthesize", "default", "--output", "s.jsonl")
