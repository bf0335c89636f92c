from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ingest.errors import (
    CollectionNotFoundError,
    EmptyQuestionError,
    FilterError,
    NoTermsError,
    QuestionTooLongError,
)
from ingest.settings import Settings
from ingest.snapshots.snapshot import Snapshot
from service.answer import Answer, Degradation
from service.cli import format_answer, service_app
from service.history.history import History
from service.prompt import TEMPLATES
from service.question import Inquiry
from tests.service.conftest import COLLECTION, PipelineMaker
from tests.service.scripted import ScriptedGenerator, chunk_of

QUESTION = "Which rank is the default for an adapter?"


class Troika:
    """The command line over the small collection, with the extractive generator."""

    def __init__(self, home: Path) -> None:
        self._environment = {
            "TROIKA_HOME": str(home),
            "TROIKA_COLLECTION": COLLECTION,
            "TROIKA_GENERATOR__KIND": "extractive",
        }

    def __call__(self, *arguments: str) -> Result:
        return CliRunner().invoke(service_app, arguments, env=self._environment)

    def json(self, *arguments: str) -> Any:
        """The one JSON document on standard output."""
        result = self(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)


@pytest.fixture
def troika(small_settings: Settings, tmp_path: Path) -> Troika:
    """A home of the test's own with the small collection in it."""
    home = tmp_path / "home"
    home.mkdir()
    for name in ("collections", "models"):
        (home / name).symlink_to(small_settings.home / name)
    return Troika(home)


def test_search_json_has_the_documented_form(troika: Troika, small_snapshot: Snapshot) -> None:
    found = troika.json("search", QUESTION, "-k", "2")
    assert set(found) == {
        "query", "snapshot", "timings_ms", "hits", "standalone_question", "queries", "reranking",
    }  # fmt: skip
    assert (found["query"], found["snapshot"]) == (QUESTION, small_snapshot.id)
    assert [hit["rank"] for hit in found["hits"]] == [1, 2]
    for hit in found["hits"]:
        assert set(hit) == {
            "rank", "score", "dense_score", "lexical_score", "chunk_id", "document_id", "uri", "title",
            "page", "start", "end", "text", "rerank_score",
        }  # fmt: skip
        document = small_snapshot.documents.document(hit["document_id"])
        assert document is not None
        assert document.text[hit["start"] : hit["end"]] == hit["text"]


def test_a_filter_leaves_only_what_meets_it(troika: Troika) -> None:
    every = troika.json("search", QUESTION, "-k", "50")["hits"]
    chosen = every[-1]["uri"]
    found = troika.json("search", QUESTION, "-k", "50", "--filter", f"uri={chosen}")["hits"]
    assert {hit["uri"] for hit in found} == {chosen}
    others = troika.json("search", QUESTION, "-k", "50", "--filter", f"uri!={chosen}")["hits"]
    assert len(found) + len(others) == len(every)
    answer = troika.json("ask", QUESTION, "--filter", f"uri={chosen}")
    assert {passage["uri"] for passage in answer["passages"]} == {chosen}


@pytest.mark.parametrize(
    ("mode", "none"), [("dense", "lexical_score"), ("lexical", "dense_score"), ("hybrid", None)]
)
def test_the_mode_chooses_the_indexes(troika: Troika, mode: str, none: str | None) -> None:
    best = troika.json("search", QUESTION, "--mode", mode)["hits"][0]
    assert "A rank of 16" in best["text"]
    assert {key for key in ("dense_score", "lexical_score") if best[key] is None} == ({none} - {None})


def test_search_prints_ranked_passages_for_people(troika: Troika) -> None:
    result = troika("search", QUESTION, "-k", "1")
    assert result.exit_code == 0
    assert result.stdout.startswith(" 1. 1.000  Fine-tuning guide > Choosing the rank\n")
    assert "A rank of 16 is the default" in result.stdout


def test_ask_json_is_the_answer_with_its_citations(troika: Troika, small_snapshot: Snapshot) -> None:
    answer = troika.json("ask", QUESTION)
    assert {
        "id", "question", "text", "citations", "passages", "abstained", "groundedness", "prompt_id",
        "release", "snapshot_id", "timings_ms", "usage",
    } <= set(answer)  # fmt: skip
    assert (answer["question"], answer["abstained"]) == (QUESTION, False)
    for citation in answer["citations"]:
        assert {"quote", "uri", "page", "quote_start", "quote_end"} <= set(citation)
        document = small_snapshot.documents.document(citation["document_id"])
        assert document is not None
        assert document.text[citation["quote_start"] : citation["quote_end"]] == citation["quote"]
    assert answer["citations"]


def test_what_was_asked_is_kept(troika: Troika, tmp_path: Path) -> None:
    answer = troika.json("ask", QUESTION)
    history = History(tmp_path / "home" / "history.sqlite")
    assert history.get(answer["id"]).answer.text == answer["text"]
    history.close()


def test_ask_prints_the_answer_and_its_exact_quotes(troika: Troika) -> None:
    result = troika("ask", QUESTION)
    assert result.exit_code == 0
    assert "A rank of 16 is the default" in result.stdout.splitlines()[0]
    assert "  [1] Fine-tuning guide > Choosing the rank" in result.stdout
    assert "“A rank of 16 is the default" in result.stdout


def test_a_chinese_question_that_the_sources_do_not_answer_is_refused_in_chinese(troika: Troika) -> None:
    answer = troika.json("ask", "今天午饭吃什么")
    assert (answer["text"], answer["abstained"]) == (TEMPLATES["zh"].refusal, True)
    assert answer["citations"] == []


@pytest.mark.parametrize("command", ["ask", "search"])
@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("", ), EmptyQuestionError),
        (("?!", ), NoTermsError),
        (("x" * 100_000, ), QuestionTooLongError),
        ((QUESTION, "--collection", "nowhere"), CollectionNotFoundError),
        ((QUESTION, "--filter", "year"), FilterError),
        ((QUESTION, "--filter", "year=2024"), FilterError),
    ],
)  # fmt: skip
def test_a_question_that_cannot_be_asked_is_an_error_for_the_front_door(
    troika: Troika, command: str, arguments: tuple[str, ...], error: type[Exception]
) -> None:
    result = troika(command, *arguments)
    assert isinstance(result.exception, error)
    assert result.stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ("search", QUESTION, "-k", "0"),
        ("search", QUESTION, "-k", "1001"),
        ("search", QUESTION, "--mode", "magic"),
        ("search",),
        ("ask",),
        ("ask", QUESTION, "--loud"),
    ],
)
def test_wrong_use_exits_with_two(troika: Troika, arguments: tuple[str, ...]) -> None:
    assert troika(*arguments).exit_code == 2


def test_doctor_json_is_a_list_of_findings(troika: Troika) -> None:
    found = troika.json("doctor")
    assert {"machine", "home", "embedder", "generator", "release"} <= {finding["name"] for finding in found}
    assert all(set(finding) == {"name", "state", "detail", "remedy", "blocks"} for finding in found)


def test_doctor_exits_with_one_when_something_blocks(troika: Troika, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TROIKA_EMBEDDER__PRESET", "no-such-preset")
    result = troika("doctor")
    assert result.exit_code == 1
    assert "no-such-preset" in result.stdout


@pytest.fixture
async def answer(make_pipeline: PipelineMaker) -> Answer:
    return await make_pipeline(ScriptedGenerator("A rank of 16 is the default [1].")).answer(
        Inquiry(QUESTION)
    )


@pytest.mark.anyio
async def test_an_answer_for_people_says_what_is_wrong_with_it(answer: Answer) -> None:
    (citation,) = answer.citations
    doubtful = replace(
        answer,
        degraded=Degradation.GENERATOR,
        citations=(replace(citation, supported=False, page=3),),
    )
    shown = format_answer(doubtful)
    assert "(extractive answer: generator_unavailable)" in shown
    assert "Choosing the rank, page 3 (not borne out by this source)" in shown
    assert "abstained" in format_answer(replace(answer, abstained=True))


@pytest.mark.anyio
async def test_a_long_chinese_quote_is_cut_and_not_dropped(answer: Answer) -> None:
    quote = "引用" * 400
    (citation,) = answer.citations
    long = replace(citation, quote=quote, chunk=chunk_of(quote))
    shown = format_answer(replace(answer, citations=(long,)))
    assert "“" + "引用" * 100 in shown
    assert " …”" in shown
