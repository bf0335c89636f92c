"""A suite of two small sets, searched and answered for real by the extractive generator."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from eval.cli import eval_app
from eval.runs.folder import open_run
from ingest.errors import CasesError

TEXTS = {
    "lora": "LoRA freezes the weights of the base model and trains two small matrices.",
    "bm25": "BM25 ranks passages by the rarity of the words they share with the question.",
}
QUERIES = {"lora": "What does LoRA train?", "bm25": "How does BM25 rank passages?"}
PLAN = """
generators = ["extractive"]
[retrieval]
quick = []
[[answers]]
cases = "two"
sample = 5
[[answers]]
cases = "robust.jsonl"
sample = 5
quick_sample = 1
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "two"
    folder.mkdir(parents=True)
    corpus = [{"_id": name, "title": "", "text": text} for name, text in TEXTS.items()]
    queries = [
        {"_id": f"q-{name}", "text": text, "lang": "en", "answers": [TEXTS[name]], "context_id": name}
        for name, text in QUERIES.items()
    ]
    rows = {
        "two/corpus": corpus,
        "two/queries": queries,
        "robust": [
            {
                "id": "r1",
                "query": QUERIES["lora"],
                "answer": ["two small matrices"],
                "positive": [TEXTS["lora"]],
                "negative": [TEXTS["bm25"]],
            }
        ],
    }
    for name, found in rows.items():
        (folder.parent / f"{name}.jsonl").write_text("\n".join(map(json.dumps, found)), "utf-8")
    judgements = "".join(f"q-{name}\t{name}\t1\n" for name in TEXTS)
    (folder / "qrels.tsv").write_text(f"query-id\tcorpus-id\tscore\n{judgements}", "utf-8")
    return folder.parent


@pytest.fixture
def plan(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TROIKA_HOME", str(home))
    path = tmp_path / "suite.toml"
    path.write_text(PLAN, "utf-8")
    return path


def run_suite(plan: Path, data: Path, *arguments: str) -> str:
    command = ["suite", str(plan), "--data", str(data), *arguments]
    result = CliRunner().invoke(eval_app, command, catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def rows_of(markdown: str, first: str) -> list[list[str]]:
    lines = [line.strip("|").split("|") for line in markdown.splitlines() if line.startswith(f"| {first} ")]
    return [[cell.strip() for cell in cells] for cells in lines]


def test_every_set_is_searched_and_answered_and_each_run_is_kept(
    tmp_path: Path, plan: Path, data: Path
) -> None:
    out = tmp_path / "out"
    tables = run_suite(plan, data, "--out", str(out))
    searched, answered = rows_of(tables, "two")
    assert searched[1] == "2"
    assert searched[2].startswith("1.000")
    assert answered[1:3] == ["extractive", "2"]
    (abilities,) = rows_of(tables, "robust")
    assert abilities[1:3] == ["extractive", "5"]
    for name, cases in (("two-extractive", 2), ("robust-extractive", 5)):
        assert len(list(open_run(out / name).records())) == cases
        assert (out / name / "report.html").is_file()


def test_a_quick_suite_takes_only_what_the_plan_has_for_it(home: Path, plan: Path, data: Path) -> None:
    tables = run_suite(plan, data, "--quick")
    assert rows_of(tables, "two") == []
    (abilities,) = rows_of(tables, "robust")
    assert abilities[2] == "1"
    kept = home / "suites" / "suite-quick"
    assert [folder.name for folder in kept.iterdir()] == ["robust-extractive"]


def test_a_set_that_is_not_there_is_said_before_anything_is_measured(plan: Path, data: Path) -> None:
    (data / "robust.jsonl").unlink()
    with pytest.raises(CasesError, match=r"robust\.jsonl does not exist"):
        run_suite(plan, data)
