"""A run is told from another by everything that changes an answer, and by nothing else."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from eval.answering.answerer import Served
from eval.cases.case import Case, CasePassage
from eval.runs.identity import digest_cases, identify_run, name_of, settings_sha256
from ingest.settings import Settings

CASE = Case("a", "Which rank?", "en", ("8",), True)
SERVED = Served("parrot", "prompt", "tuned", "handbook", "snapshot")


def changed(section: str, **values: Any) -> Settings:
    settings = Settings()
    part = getattr(settings, section).model_copy(update=values)
    return settings.model_copy(update={section: part})


@pytest.mark.parametrize(
    ("section", "values"),
    [
        ("retrieval", {"passages": 5}),
        ("retrieval", {"groups": ("board",)}),
        ("rerank", {"model": "reranker"}),
        ("answer", {"min_evidence": 0.1}),
        ("generator", {"temperature": 0.5}),
        ("server", {"max_question_characters": 10}),
    ],
)
def test_settings_that_change_answers_change_the_digest(section: str, values: dict[str, Any]) -> None:
    assert settings_sha256(changed(section, **values)) != settings_sha256(Settings())


@pytest.mark.parametrize(
    ("section", "values"),
    [
        ("server", {"port": 1}),
        ("generator", {"base_url": "http://localhost:1/v1", "threads": 8}),
        ("generator", {"prompt_price": 0.5}),
        ("ingest", {"workers": 3}),
        ("cache", {"exact": False}),
    ],
)
def test_where_and_how_fast_answers_are_made_does_not(section: str, values: dict[str, Any]) -> None:
    assert settings_sha256(changed(section, **values)) == settings_sha256(Settings())
    assert settings_sha256(Settings(home=Path("/elsewhere"))) == settings_sha256(Settings())


def test_cases_are_told_apart_by_order_and_by_every_field() -> None:
    other = dataclasses.replace(CASE, id="b", passages=(CasePassage("Eight.", True),))
    digest = digest_cases((CASE, other))
    assert (digest.count, digest.with_passages) == (2, 1)
    assert digest == digest_cases(iter([CASE, other]))
    assert digest.sha256 != digest_cases((other, CASE)).sha256
    assert digest.sha256 != digest_cases((CASE, dataclasses.replace(other, passages=()))).sha256


def test_an_oracle_run_is_of_no_collection() -> None:
    made = identify_run(Path("x.jsonl"), 3, digest_cases((CASE,)), SERVED, oracle=True, asked=Settings())
    assert (made.collection, made.snapshot_id, made.url) == (None, None, None)
    assert (made.generator, made.release, made.prompt_id, made.seed) == ("parrot", "tuned", "prompt", 3)
    assert set(made.libraries) > {"numpy", "tantivy"}


def test_nothing_is_claimed_of_the_settings_of_a_server() -> None:
    made = identify_run(Path("x.jsonl"), 0, digest_cases((CASE,)), SERVED, oracle=False, asked="http://x")
    assert (made.url, made.settings_sha256, made.libraries) == ("http://x", "", {})
    assert (made.collection, made.snapshot_id) == ("handbook", "snapshot")


def test_queries_are_called_by_their_data_set(tmp_path: Path) -> None:
    assert name_of(tmp_path / "squad" / "queries.jsonl") == "squad"
    assert name_of(tmp_path / "squad") == "squad"
    assert name_of(tmp_path / "cases.csv") == "cases"
