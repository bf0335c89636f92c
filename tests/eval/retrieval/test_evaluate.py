"""The whole evaluation on the real embedder and index, as the command line runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from eval.cli import eval_app
from ingest.errors import CasesError, CollectionNotFoundError, UsageError

TEXTS = {
    "lora": "LoRA freezes the weights of the base model and trains two small matrices.",
    "bm25": "BM25 ranks passages by the rarity of the words they share with the question.",
    "zh": "中文检索把文字切成一元和二元字组，不需要分词器。",
}
QUERIES = {
    "lora": "What does LoRA train?",
    "bm25": "How does BM25 rank passages?",
    "zh": "中文检索怎样切分文字？",
}


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    folder = tmp_path / "three"
    folder.mkdir()
    corpus = [{"_id": name, "title": "", "text": text} for name, text in TEXTS.items()]
    queries = [
        {"_id": f"q-{name}", "text": text, "lang": "zh" if name == "zh" else "en"}
        | {"answers": [TEXTS[name]], "context_id": name}
        for name, text in QUERIES.items()
    ]
    for name, rows in (("corpus", corpus), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    judgements = "".join(f"q-{name}\t{name}\t1\n" for name in TEXTS)
    (folder / "qrels.tsv").write_text(f"query-id\tcorpus-id\tscore\n{judgements}", "utf-8")
    return folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TROIKA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def evaluate(*arguments: str) -> dict[str, Any]:
    """Run ``troika eval`` and read the one JSON document on its standard output."""
    result = CliRunner().invoke(eval_app, [*arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0
    return json.loads(result.stdout)


@pytest.mark.slow
def test_a_data_set_is_indexed_once_and_then_answered_from(dataset: Path, home: Path) -> None:
    first = evaluate("retrieval", "--dataset", str(dataset))
    assert first["queries"] == 3
    assert first["metrics"]["ndcg@10"] == 1.0
    assert first["intervals"]["ndcg@10"][1] == 1.0
    assert set(first["languages"]) == {"en", "zh"}
    again = evaluate("retrieval", "--dataset", str(dataset), "--mode", "lexical", "--limit", "2")
    assert (again["snapshot"], again["mode"], again["queries"]) == (first["snapshot"], "lexical", 2)

    several = evaluate("retrieval", "--dataset", str(dataset), "--mode", "dense", "--mode", "lexical")
    assert set(several["sets"][0]["modes"]) == {"dense", "lexical"}

    cases = ("--cases", str(dataset / "queries.jsonl"), "--generator", "extractive")
    served = evaluate("answers", *cases, "--collection", first["collection"])
    assert served["metrics"]["document_in_top_5"] == 1.0
    assert served["metrics"]["citation_validity"] == 1.0
    assert served["metrics"]["answer_contains"] > 0.6
    oracle = evaluate("answers", *cases, "--oracle")
    assert oracle["run"]["collection"] is None
    assert oracle["metrics"]["citation_precision"] == 1.0
    assert oracle["metrics"]["f1"] == 1.0


@pytest.mark.parametrize(
    ("arguments", "error", "reason"),
    [
        (("retrieval", "--dataset", "nowhere"), CasesError, "cannot be read"),
        (("retrieval",), UsageError, "give --dataset"),
        (("retrieval", "--fit"), UsageError, "one --dataset, or --cases"),
        (("answers", "--cases", "nowhere.jsonl"), CasesError, "cannot be read"),
        (("answers", "--cases", "x", "--oracle", "--collection", "c"), UsageError, "leave --collection out"),
        (("answers", "--cases", "x", "--generator", "parrot"), UsageError, "generator.kind"),
        (("answers", "--cases", "x", "--url", "http://x", "--oracle"), UsageError, "leave --oracle"),
        (("answers", "--cases", "x", "--url", "http://x", "--engine", "ray"), UsageError, "leave --oracle"),
        (("answers", "--cases", "x", "--url", "http://x", "--release", "base"), UsageError, "leave --oracle"),
    ],
)
def test_wrong_use_is_a_usage_error(
    home: Path, arguments: tuple[str, ...], error: type[UsageError], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        CliRunner().invoke(eval_app, arguments, catch_exceptions=False)


def test_answers_need_a_collection(dataset: Path, home: Path) -> None:
    arguments = ("answers", "--cases", str(dataset / "queries.jsonl"), "--collection", "none")
    with pytest.raises(CollectionNotFoundError, match="none"):
        CliRunner().invoke(eval_app, arguments, catch_exceptions=False)
