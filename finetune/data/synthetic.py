"""Questions with answers made from a collection, to train on where readers have asked too few.

What ``eval.cases.draft`` proposes is kept when it also comes back: asked the question, the whole service
answers it with the answer that it was made for (round-trip consistency, Alberti et al. 2019,
arXiv:1906.05416). Nobody confirms these questions, so they are marked, and are kept apart from those that
evaluate: whatever stands in evaluation cases is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from eval.cases.case import Case
from eval.cases.draft import Documents, Drafter, Searcher
from eval.cases.leaks import find_leaks
from eval.cases.training_text import case_text
from eval.metrics.words import contains_answer, token_f1
from service.answer import Answer
from service.generate import Generator
from service.grounding.cite import without_markers
from service.question import Inquiry

SYNTHETIC = "synthetic"
"""The tag of such questions."""

NOT_ANSWERED = "not answered back"
IN_EVALUATION = "in evaluation cases"
SAME_ANSWER = 0.5
"""The token F1 from which two answers are taken for the same; a judgement, not a measurement."""


class Service(Searcher, Protocol):
    """What is used of ``service.pipeline.AnswerPipeline``."""

    async def answer(self, inquiry: Inquiry) -> Answer: ...


@dataclass(frozen=True, slots=True)
class SyntheticReport:
    """The questions that are left, how many were proposed, and how many fell to each filter."""

    cases: tuple[Case, ...]
    proposals: int
    rejected: Mapping[str, int]


async def synthesize(
    documents: Documents,
    service: Service,
    generator: Generator,
    *,
    count: int,
    seed: int = 0,
    evaluation: Sequence[Case] = (),
    advance: Callable[[], None] = lambda: None,
) -> SyntheticReport:
    """Make questions from ``documents``, of which ``count`` pass the filters of drafting at most.

    ``advance`` is called after each proposal.

    Raises:
        GeneratorError: the generator failed.
    """
    report = await Drafter(documents, service, generator).draft(count, seed, advance)
    apart = _apart(report.cases, evaluation)
    kept = [
        replace(case, id=f"{SYNTHETIC}-{case.id.partition('-')[2]}", tags=(SYNTHETIC,))
        for case in apart
        if _comes_back(case, await service.answer(Inquiry(case.question)))
    ]
    rejected = {reason.value: number for reason, number in report.rejected.items()}
    rejected[IN_EVALUATION] = len(report.cases) - len(apart)
    rejected[NOT_ANSWERED] = len(apart) - len(kept)
    return SyntheticReport(
        tuple(kept), report.proposals, {reason: number for reason, number in rejected.items() if number}
    )


def _apart(drafts: Sequence[Case], evaluation: Sequence[Case]) -> Sequence[Case]:
    """The drafts that no evaluation case stands in."""
    while leaks := find_leaks(evaluation, [case_text(draft, draft.id) for draft in drafts]).leaks:
        found = {leak.place for leak in leaks}  # of several drafts, the first is told of
        drafts = [draft for draft in drafts if draft.id not in found]
    return drafts


def _comes_back(case: Case, answer: Answer) -> bool:
    """Whether the generator gives the answer that the question was made for; a quotation proves nothing."""
    text = without_markers(answer.text)
    said = max(contains_answer(text, case.answers), token_f1(text, case.answers))
    return not answer.abstained and answer.degraded is None and said >= SAME_ANSWER
