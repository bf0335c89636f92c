"""What tuning makes larger, measured through the pipeline that serves, with the time of each search."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from eval.cases.case import Case
from eval.metrics.normal_form import without_markers
from eval.metrics.retrieval import ndcg_at_10
from eval.metrics.words import token_f1
from eval.retrieval.labels import Labels, require_enough
from eval.retrieval.run import query_clusters
from eval.tuning.objective_name import ObjectiveName
from ingest.errors import NoTermsError, QuestionTooLongError
from service.answer import Answer
from service.pipeline import AnswerPipeline
from service.question import Inquiry

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_HITS = 50
"""Hits asked for: enough for ten documents, where each has several."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of one candidate: a value for each case, higher is better; shape (cases,).

    ``p95_ms`` is the 95th percentile of the time of a search in milliseconds.
    """

    values: FloatArray
    p95_ms: float


class Objective(Protocol):
    """The cases of ``labels``, and a value for each that a pipeline of ``collection`` is judged by."""

    name: ObjectiveName
    collection: str
    labels: str

    @property
    def clusters(self) -> IntArray:
        """A number from 0 for each case, the same for those about the same document; shape (cases,)."""
        ...

    @property
    def fingerprint(self) -> str:
        """Changes with anything of the cases that changes a value."""
        ...

    async def measure(self, pipeline: AnswerPipeline) -> Measured:
        """Put every case to ``pipeline``, one after the other.

        Raises:
            CasesError: fewer than 20 can be asked.
        """
        ...


class RankingObjective:
    """nDCG@10 of the documents that are found; each stands at the rank of its best chunk."""

    name = ObjectiveName.NDCG

    def __init__(self, labels: Labels) -> None:
        self.collection, self.labels = labels.collection, labels.name
        self._labels = labels
        self.clusters = query_clusters(labels.queries)
        self.fingerprint = _fingerprint(labels.queries)

    async def measure(self, pipeline: AnswerPipeline) -> Measured:
        """See ``Objective``; a question that cannot be searched for counts 0."""
        queries, name_of = self._labels.queries, self._labels.name_of
        rankings: list[list[str]] = []
        times: list[float] = []
        for query in (queries[0], *queries):  # the first warms what the others find warm
            try:
                found = await pipeline.search(Inquiry(query.text), _HITS)
            except (NoTermsError, QuestionTooLongError):
                rankings.append([])
                continue
            rankings.append(list(dict.fromkeys(name_of(hit.chunk.uri, query) for hit in found.hits)))
            times.append(found.timings_ms["retrieval"])
        judged = [query.grades for query in queries]
        return Measured(ndcg_at_10(rankings[1:], judged), _p95(times))


class AnswerObjective:
    """Token F1 of the answers as the pipeline gives them, whatever generator it has.

    1 for an unanswerable case that is refused, as SQuAD 2.0 counts it (Rajpurkar, Jia & Liang 2018), else 0;
    0 for an answerable one that is refused.
    """

    name = ObjectiveName.F1

    def __init__(self, labels: Labels, cases: Sequence[Case]) -> None:
        """``cases`` are those that ``labels`` were made of."""
        self.collection, self.labels = labels.collection, labels.name
        self._cases = cases
        sources = np.array([case.source for case in cases], dtype=str)
        self.clusters = np.unique(sources, return_inverse=True)[1].astype(np.int64)
        self.fingerprint = _fingerprint(cases)

    async def measure(self, pipeline: AnswerPipeline) -> Measured:
        """See ``Objective``; a question that cannot be asked counts as refused."""
        values: list[float] = []
        times: list[float] = []
        for case in (self._cases[0], *self._cases):  # the first warms what the others find warm
            try:
                answer = await pipeline.answer(Inquiry(case.question))
            except (NoTermsError, QuestionTooLongError):
                values.append(float(not case.answerable))
                continue
            values.append(_worth(answer, case))
            times.append(answer.timings_ms["retrieval"])
        return Measured(np.array(values[1:]), _p95(times))


def _worth(answer: Answer, case: Case) -> float:
    if answer.abstained or not case.answerable:
        return float(answer.abstained and not case.answerable)
    return token_f1(without_markers(answer.text), case.answers)


def _p95(times: Sequence[float]) -> float:
    """Of all but the first, which found nothing warm."""
    require_enough(len(times) - 1)
    return float(np.percentile(times[1:], 95))


def _fingerprint(cases: Sequence[object]) -> str:
    return hashlib.sha256(msgspec.json.encode(cases)).hexdigest()
