"""Questions with labelled needs, and the documents that answer them, for ``troika bench cache``."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.jsonl import read_records
from eval.retrieval.dataset_index import corpus_document, corpus_documents
from eval.retrieval.datasets import CorpusDocument, read_dataset
from ingest.document import Document
from ingest.errors import CasesError

EXAMPLES_OF_AN_INTENT = 5
"""As many questions of each intent are the documents of a set that has no others, and are not asked."""

_SEED = 20_261_121


@dataclass(frozen=True, slots=True)
class LabelledQuestion:
    """A question; those with the same ``need`` want the same answer."""

    text: str
    need: str


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """A collection and questions to it in random order. ``half`` 0 is to fit on, 1 to report."""

    name: str
    documents: tuple[Document, ...]
    questions: tuple[LabelledQuestion, ...]

    def half(self, number: int) -> tuple[LabelledQuestion, ...]:
        """Every second question."""
        return self.questions[number::2]


def read_question_set(path: Path, most: int) -> QuestionSet:
    """The set in ``path``, with at most ``most`` questions, the same ones each time.

    A folder in the layout of BEIR, where each query is a need of its own: the questions of a FAQ differ, and
    no answer to one may be given to another. Or a JSON Lines file of ``text`` and ``intent``, where the same
    intent is the same need.

    Raises:
        CasesError: it is neither.
    """
    if path.is_file():
        return _read_intents(path, most)
    dataset = read_dataset(path)
    questions = [LabelledQuestion(query.text, query.id) for query in dataset.queries]
    return QuestionSet(dataset.name, tuple(corpus_documents(dataset)), _shuffled(questions)[:most])


def _read_intents(path: Path, most: int) -> QuestionSet:
    records = read_records(path)
    shuffled = _shuffled([LabelledQuestion(r.text("text"), r.text("intent")) for r in records])
    met: Counter[str] = Counter()
    examples: list[LabelledQuestion] = []
    asked: list[LabelledQuestion] = []
    for question in shuffled:
        met[question.need] += 1
        (examples if met[question.need] <= EXAMPLES_OF_AN_INTENT else asked).append(question)
    if not asked:
        raise CasesError(f"{path} has no intent with more than {EXAMPLES_OF_AN_INTENT} questions: add some.")
    documents = [
        corpus_document(path.stem, CorpusDocument(str(number), "", question.text, "en"))
        for number, question in enumerate(examples)
    ]
    return QuestionSet(path.stem, tuple(documents), tuple(asked[:most]))


def _shuffled(questions: Sequence[LabelledQuestion]) -> tuple[LabelledQuestion, ...]:
    def place(question: LabelledQuestion) -> str:
        return hashlib.sha256(f"{_SEED} {question.text} {question.need}".encode()).hexdigest()

    return tuple(sorted(questions, key=place))
