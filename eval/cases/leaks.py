"""Find evaluation cases that a model was trained on: their figures would say nothing about new questions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from eval.cases.case import Case
from eval.cases.choices import LeakKind
from eval.cases.passage_overlap import PassageIndex
from eval.cases.similar_questions import QuestionIndex
from eval.cases.training_text import TrainingText


@dataclass(frozen=True, slots=True)
class Leak:
    """A case that was found in the row at ``place``. ``what`` is the question, passage or document there.

    ``score`` is the share that is the same, 0 to 1.
    """

    kind: LeakKind
    case_id: str
    place: str
    what: str
    score: float = 1.0


@dataclass(frozen=True, slots=True)
class LeakReport:
    """All leaks, the worst first: by kind, then by score; ``rows`` is the size of the training data."""

    leaks: tuple[Leak, ...]
    rows: int

    def count(self, kind: LeakKind) -> int:
        """How many cases leak in this way."""
        return sum(leak.kind is kind for leak in self.leaks)

    def as_json(self, most: int) -> dict[str, object]:
        """How many cases leak in each way, and the ``most`` worst of them."""
        worst = [
            {
                "kind": leak.kind.value,
                "case": leak.case_id,
                "place": leak.place,
                "what": leak.what,
                "score": round(leak.score, 4),
            }
            for leak in self.leaks[:most]
        ]
        return {"leaks": {kind.value: self.count(kind) for kind in LeakKind}, "worst": worst}

    def without(self, allowed: Collection[LeakKind]) -> LeakReport:
        """The report without the kinds that are ``allowed``."""
        return LeakReport(tuple(leak for leak in self.leaks if leak.kind not in allowed), self.rows)


def find_leaks(cases: Sequence[Case], training: Sequence[TrainingText]) -> LeakReport:
    """Look for each case in the training data; at most one leak of each kind is told of a case."""
    asked = [(number, question) for number, row in enumerate(training) for question in row.questions]
    questions = QuestionIndex([question for _, question in asked], (case.question for case in cases))
    passages = PassageIndex((number, text) for number, row in enumerate(training) for text in row.passages)
    documents = {name: number for number, row in reversed([*enumerate(training)]) for name in row.documents}

    def leaks_of(case: Case) -> Iterator[Leak]:
        same, similar = questions.same(case.question), questions.similar(case.question)
        if same is not None:
            number, question = asked[same]
            yield Leak(LeakKind.QUESTION, case.id, training[number].place, question)
        elif similar is not None:
            number, question = asked[similar[0]]
            yield Leak(LeakKind.SIMILAR, case.id, training[number].place, question, similar[1])
        found = [
            (overlap.share, overlap.number, text)
            for text in _answer_passages(case)
            if (overlap := passages.overlap(text)) is not None
        ]
        if found:
            share, number, text = max(found)
            yield Leak(LeakKind.PASSAGE, case.id, training[number].place, text, share)
        shared = [document for document in case.documents if document in documents]
        if shared:
            place = training[documents[shared[0]]].place
            yield Leak(LeakKind.DOCUMENT, case.id, place, shared[0])

    severity = {kind: rank for rank, kind in enumerate(LeakKind)}
    leaks = [leak for case in cases for leak in leaks_of(case)]
    leaks.sort(key=lambda leak: (severity[leak.kind], -leak.score, leak.case_id))
    return LeakReport(tuple(leaks), len(training))


def _answer_passages(case: Case) -> Iterable[str]:
    """The texts that hold the answer: passages of the case, or the evidence where it brings none."""
    relevant = [passage.text for passage in case.passages if passage.relevant]
    return relevant or [place.evidence for place in case.relevant if place.evidence]
