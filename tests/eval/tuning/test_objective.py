"""What a candidate is judged by, for each case in order, and the time of its searches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from eval.cases.case import Case, Relevant
from eval.retrieval.datasets import Query
from eval.retrieval.labels import Labels
from eval.tuning.objective import AnswerObjective, RankingObjective
from ingest.errors import CasesError, NoTermsError
from service.pipeline import AnswerPipeline
from service.question import Inquiry

CASES = 24


@dataclass
class Scripted:
    """Finds the documents of ``found`` for a question, or says the words of ``said``; None is a refusal.

    The first call takes a second and each later one a millisecond more than the one before, from 1.
    """

    found: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    said: Mapping[str, str | None] = field(default_factory=dict[str, "str | None"])
    calls: int = 0

    async def search(self, inquiry: Inquiry, k: int) -> Any:
        hits = [SimpleNamespace(chunk=SimpleNamespace(uri=uri)) for uri in self.found[inquiry.question]]
        return SimpleNamespace(hits=hits, timings_ms=self._timings(inquiry.question))

    async def answer(self, inquiry: Inquiry) -> Any:
        text = self.said[inquiry.question]
        timings = self._timings(inquiry.question)
        return SimpleNamespace(text=text or "", abstained=text is None, timings_ms=timings)

    def _timings(self, question: str) -> dict[str, float]:
        if question == "?":
            raise NoTermsError("no word")
        self.calls += 1
        return {"retrieval": 1000.0 if self.calls == 1 else self.calls - 1.0}

    @property
    def as_pipeline(self) -> AnswerPipeline:
        return cast("Any", self)


def labels(questions: Sequence[str]) -> Labels:
    queries = tuple(Query(f"q{row}", text, "en", {"right": 1}) for row, text in enumerate(questions))
    return Labels("cases.jsonl", "docs", queries, lambda uri, _: uri)


def cases(questions: Sequence[str], *, answerable: bool = True) -> list[Case]:
    answers = ("blue whale",) if answerable else ()
    return [Case(text, text, "en", answers, answerable, (Relevant("right"),)) for text in questions]


@pytest.mark.anyio
async def test_documents_are_ranked_by_their_best_chunk() -> None:
    questions = ["first", "second", "none", "?", *(f"more {row}" for row in range(CASES - 4))]
    found = {
        **dict.fromkeys(questions, ("right",)),
        "second": ("wrong", "wrong", "right"),
        "none": ("wrong",),
        "?": (),
    }
    measured = await RankingObjective(labels(questions)).measure(Scripted(found).as_pipeline)
    assert measured.values[:4].tolist() == pytest.approx([1.0, 1 / np.log2(3), 0.0, 0.0])
    assert measured.values.shape == (CASES,)
    assert measured.p95_ms == pytest.approx(np.percentile(range(1, CASES), 95))


@pytest.mark.anyio
async def test_an_answer_is_worth_its_words_and_a_refusal_what_it_should_be() -> None:
    given = cases([f"more {row}" for row in range(CASES)])
    given += [*cases(["half", "refused"]), *cases(["right to refuse", "made up", "?"], answerable=False)]
    said: dict[str, str | None] = dict.fromkeys((case.question for case in given), "Blue whale [1].")
    said |= {"half": "whale", "refused": None, "right to refuse": None}
    objective = AnswerObjective(labels(list(said)), given)
    measured = await objective.measure(Scripted(said=said).as_pipeline)
    assert measured.values[CASES - 1 :].tolist() == pytest.approx([1, 2 / 3, 0, 1, 0, 1])


@pytest.mark.anyio
async def test_too_few_questions_with_words_are_refused() -> None:
    questions = [*(f"more {row}" for row in range(19)), *"?" * 5]
    scripted = Scripted(dict.fromkeys(questions, ("right",)))
    with pytest.raises(CasesError, match="19 labelled queries"):
        await RankingObjective(labels(questions)).measure(scripted.as_pipeline)


def test_other_cases_have_another_fingerprint() -> None:
    before = cases(["one", "two"])
    after = [before[0], replace(before[1], answers=("red fox",))]
    question = labels(["one", "two"])
    assert AnswerObjective(question, before).fingerprint != AnswerObjective(question, after).fingerprint
    assert RankingObjective(question).fingerprint != RankingObjective(labels(["one", "2"])).fingerprint


def test_cases_about_one_document_are_one_cluster() -> None:
    given = [*cases(["a", "b"]), replace(cases(["c"])[0], relevant=())]
    clusters = AnswerObjective(labels(["a"]), given).clusters
    assert clusters[0] == clusters[1] != clusters[2]
