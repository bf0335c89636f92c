"""Cases answered without a refusal, with what was known before each answer and whether it was right."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eval.answering.answerer import Answered, make_record
from eval.answering.in_process import oracle_passages
from eval.cases.case import Case
from eval.metrics.correctness import given_answer, has_references, is_right
from eval.progress import progress_bar
from eval.retrieval.dataset_index import ensure_oracle_collection
from ingest.errors import CasesError, TroikaError
from ingest.settings import Settings
from ingest.snapshots.fitted import index_fingerprint
from service.abstention.signals import measure_signals
from service.answer import Answer
from service.grounding.support import Grounding
from service.pipeline import AnswerPipeline
from service.question import Inquiry
from service.schemas import AnswerBody
from service.wiring import open_pipeline

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Target:
    """What a threshold is fitted for."""

    collection: str
    release: str
    index: str


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers that can be judged, one a row.

    Attributes:
        signals: shape (answers, signals), float64; see ``service.abstention.signals``.
        evidence: shape (answers,), float64.
        given: whether the generator answered, and did not refuse by itself.
        right: whether it did so rightly.
        answerable: whether the question can be answered.
        clusters: a number from 0 for each; cases about the same document share one.
    """

    signals: FloatArray
    evidence: FloatArray
    given: BoolArray
    right: BoolArray
    answerable: BoolArray
    clusters: IntArray

    def __len__(self) -> int:
        return len(self.right)

    def of(self, rows: BoolArray) -> Answers:
        """Some of the rows."""
        return Answers(
            self.signals[rows],
            self.evidence[rows],
            self.given[rows],
            self.right[rows],
            self.answerable[rows],
            self.clusters[rows],
        )


@dataclass(frozen=True, slots=True)
class _Row:
    signals: tuple[float, ...]
    evidence: float
    given: bool
    right: bool
    answerable: bool
    source: str


def collect_answers(
    settings: Settings, cases: Sequence[Case], *, oracle: bool, release: str | None
) -> tuple[Answers, Target]:
    """Answer ``cases``, from their own passages with ``oracle``, however weak the evidence is.

    Cases that fail, that find nothing, or whose answer nobody can judge are left out.

    Raises:
        CasesError: too little is left to fit anything.
        TroikaError: as ``service.wiring.open_pipeline``.
    """
    return asyncio.run(_collect(settings, cases, oracle=oracle, release=release))


async def _collect(
    settings: Settings, cases: Sequence[Case], *, oracle: bool, release: str | None
) -> tuple[Answers, Target]:
    collection = ensure_oracle_collection(settings) if oracle else settings.collection
    unrefusing = settings.answer.model_copy(update={"min_evidence": 0.0})
    pipeline = await open_pipeline(
        settings.model_copy(update={"answer": unrefusing}), collection, release=release
    )
    try:
        manifest = pipeline.snapshot.manifest
        target = Target(collection, pipeline.release.name, index_fingerprint(manifest))
        grounding = Grounding(pipeline.snapshot.words.document_frequency, manifest.indexed)
        rows: list[_Row] = []
        with progress_bar(f"{collection} calibrate", len(cases)) as progress:
            for case in cases:
                rows += await _rows(pipeline, grounding, case, oracle=oracle)
                progress()
    finally:
        await pipeline.aclose()
    return _together(rows), target


async def _rows(pipeline: AnswerPipeline, grounding: Grounding, case: Case, *, oracle: bool) -> list[_Row]:
    inquiry = Inquiry(case.question, history=case.history)
    try:
        answering = (
            pipeline.answer_from(inquiry, oracle_passages(case)) if oracle else pipeline.answer(inquiry)
        )
        return list(_judged(case, await answering, grounding))
    except TroikaError:
        return []


def _judged(case: Case, answer: Answer, grounding: Grounding) -> Iterator[_Row]:
    sources = [passage for passage in answer.passages if passage.marker not in answer.suspicious]
    record = make_record(case, Answered(AnswerBody.of(answer), None, 0.0), {}, {}, None)
    if sources and (has_references(record) or not case.answerable):
        asked = answer.standalone_question or answer.question
        yield _Row(
            signals=measure_signals(asked, sources, answer.evidence, grounding).values,
            evidence=answer.evidence,
            given=given_answer(record) is not None,
            right=is_right(record),
            answerable=case.answerable,
            source=case.source,
        )


def _together(rows: Sequence[_Row]) -> Answers:
    given = sum(row.given for row in rows)
    right = sum(row.given and row.right for row in rows)
    if not 0 < right < given:
        raise CasesError(
            f"of {len(rows)} cases that can be judged, {given} were answered and {right} rightly: to tell "
            "right answers from wrong ones takes some of both, so give more cases."
        )
    numbers = {source: number for number, source in enumerate(dict.fromkeys(row.source for row in rows))}
    return Answers(
        signals=np.array([row.signals for row in rows]),
        evidence=np.array([row.evidence for row in rows]),
        given=np.array([row.given for row in rows]),
        right=np.array([row.right for row in rows]),
        answerable=np.array([row.answerable for row in rows]),
        clusters=np.array([numbers[row.source] for row in rows]),
    )
