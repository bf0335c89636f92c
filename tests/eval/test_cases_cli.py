"""The commands on cases say what is wrong and end with the exit code that the README names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from eval.cases.forms.own import write_cases
from eval.cases.read import read_cases
from eval.cases_cli import cases_app
from ingest.errors import UsageError
from tests.eval.cases.written import write_lines

OWN = {"id": "q1", "question": "Who signs it?", "language": "en", "answerable": True, "answers": ["Ann"]}


def run(*arguments: str) -> tuple[int, str]:
    """The exit code and what was printed; an error that the front door reports is raised."""
    result = CliRunner().invoke(cases_app, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_every_bad_line_is_named(tmp_path: Path) -> None:
    path = write_lines(
        tmp_path / "cases.jsonl",
        OWN,
        OWN,
        OWN | {"id": "q2", "answers": []},
        OWN | {"id": "q3", "tags": ["a"]},
    )
    code, printed = run("check", str(path))
    assert code == 2
    assert "2 cases: 2 answerable, 0 unanswerable" in printed
    assert "line 2: the id 'q1' was used on line 1" in printed
    assert "line 3: case 'q2' is answerable but has no answer" in printed
    assert "tags: 1 a" in printed


def test_a_leak_blocks(tmp_path: Path) -> None:
    cases = write_lines(tmp_path / "cases.jsonl", OWN, OWN | {"id": "q2", "question": "What is it for?"})
    training = write_lines(tmp_path / "train.jsonl", {"prompt": "Who signs it?", "completion": "Ann"})
    code, printed = run("check", str(cases), "--against", str(training))
    assert code == 1
    assert f"question (1.00): case q1, {training}, line 1: Who signs it?" in printed
    code, printed = run("check", str(cases), "--against", str(training), "--json")
    document = json.loads(printed)
    assert (code, document["cases"], document["training_rows"]) == (1, 2, 1)
    assert document["leaks"] == {"question": 1, "similar": 0, "passage": 0, "document": 0}
    assert run("check", str(cases), "--against", str(training), "--allow", "question")[0] == 0


def test_sound_cases_pass(tmp_path: Path) -> None:
    cases = write_lines(tmp_path / "cases.jsonl", OWN)
    training = write_lines(tmp_path / "train.jsonl", {"prompt": "Name a colour.", "completion": "Blue"})
    code, printed = run("check", str(cases), "--against", str(training))
    assert (code, printed.splitlines()[-1]) == (0, "no case stands in the 1 rows of training data")


def test_both_sides_of_a_split_are_written(tmp_path: Path) -> None:
    rows = [
        OWN | {"id": f"q{n}", "question": f"Who signs {n}?", "document": f"{n % 5}.md"} for n in range(20)
    ]
    path = write_lines(tmp_path / "cases.jsonl", *rows)
    code, printed = run("split", str(path), "--out", str(tmp_path / "out"), "--share", "0.4", "--json")
    assert code == 0
    assert json.loads(printed)["held_out"] == 8
    train, held_out = (read_cases(tmp_path / "out" / name) for name in ("train.jsonl", "held_out.jsonl"))
    assert (len(train), len(held_out)) == (12, 8)
    assert {case.source for case in train}.isdisjoint(case.source for case in held_out)
    assert (
        run(
            "check",
            str(tmp_path / "out" / "held_out.jsonl"),
            "--against",
            str(tmp_path / "out" / "train.jsonl"),
        )[0]
        == 0
    )


def test_drafts_never_replace_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TROIKA_HOME", str(tmp_path))
    path = tmp_path / "drafts.jsonl"
    write_cases(path, [])
    with pytest.raises(UsageError, match=r"drafts\.jsonl is there already"):
        run("build", "--out", str(path))
    monkeypatch.setenv("TROIKA_GENERATOR__KIND", "extractive")
    with pytest.raises(UsageError, match="writes no questions"):
        run("build", "--out", str(tmp_path / "new.jsonl"))
