from __future__ import annotations

import json
from pathlib import Path

import pytest

from eval.bench.cache import fitted_threshold, run_cache_bench
from eval.bench.cache_figures import Serves, cache_markdown
from eval.bench.cache_sets import EXAMPLES_OF_AN_INTENT, read_question_set
from ingest.errors import CasesError
from ingest.settings import Settings

WORDINGS = ("How do I activate my {}?", "Please tell me how to activate my {}", "I want to activate my {}")
THINGS = ("card", "alarm", "account", "heating")


@pytest.fixture
def intents(tmp_path: Path) -> Path:
    """Eighteen wordings of each of four needs, some of which differ by courtesy alone."""
    texts = [
        (f"{wording.format(thing)}{end}", thing)
        for thing in THINGS
        for wording in WORDINGS
        for end in ("", " now", " again", ", please", " today", " here")
    ]
    path = tmp_path / "intents.jsonl"
    path.write_text("\n".join(json.dumps({"text": text, "intent": need}) for text, need in texts), "utf-8")
    return path


def test_an_intent_gives_documents_and_other_questions(intents: Path) -> None:
    found = read_question_set(intents, 1000)
    asked = {question.text for question in found.questions}
    assert len(found.documents) == EXAMPLES_OF_AN_INTENT * len(THINGS)
    assert asked.isdisjoint(document.text for document in found.documents)
    assert len(asked) == len(THINGS) * (18 - EXAMPLES_OF_AN_INTENT)
    assert not set(found.half(0)) & set(found.half(1))
    assert read_question_set(intents, 1000) == found


def test_every_query_of_a_data_set_is_a_need_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text('{"_id": "d", "title": "", "text": "Troika is a cart."}', "utf-8")
    queries = [json.dumps({"_id": f"q{number}", "text": f"Question {number}?"}) for number in range(3)]
    (tmp_path / "queries.jsonl").write_text("\n".join(queries), "utf-8")
    (tmp_path / "qrels.tsv").write_text("query\tcorpus\tscore\nq0\td\t1\nq1\td\t1\nq2\td\t1\n", "utf-8")
    found = read_question_set(tmp_path, 2)
    assert [document.text for document in found.documents] == ["Troika is a cart."]
    assert len({question.need for question in found.questions}) == len(found.questions) == 2


def test_too_few_wordings_cannot_be_measured(tmp_path: Path) -> None:
    path = tmp_path / "intents.jsonl"
    path.write_text('{"text": "One?", "intent": "one"}', "utf-8")
    with pytest.raises(CasesError, match="more than 5"):
        read_question_set(path, 10)


@pytest.mark.parametrize(
    ("wrong", "fitted"), [((9, 0, 0), 0.8), ((0, 9, 1), 0.9), ((9, 9, 9), 0.9), ((1, 1, 1), 0.7)]
)
def test_the_threshold_is_the_lowest_above_which_nearly_all_is_right(
    wrong: tuple[int, int, int], fitted: float
) -> None:
    curve = [Serves(s, 100, 50, w, 0, 0) for s, w in zip((0.7, 0.8, 0.9), wrong, strict=True)]
    assert fitted_threshold(curve) == fitted


def test_served_and_wrong_are_counted_over_the_real_search(intents: Path, settings: Settings) -> None:
    figures = run_cache_bench([intents], entries=60, questions=1000, settings=settings)
    (found,) = figures.sets
    assert len(found.curve) == 6
    assert all(serves.wrong == 0 for serves in found.curve), "a card is no alarm"
    assert found.at(0.7).served > 0
    served = [serves.served for serves in found.curve]
    assert served == sorted(served, reverse=True)
    lookup = figures.lookup
    assert 0 < lookup.exact_p50_ms <= lookup.exact_p99_ms
    assert lookup.semantic_p50_ms < lookup.embedded_p50_ms
    assert figures.sets[0].name in cache_markdown(figures)
    assert json.loads(json.dumps(figures.to_json()))["similarity"] == settings.cache.similarity
