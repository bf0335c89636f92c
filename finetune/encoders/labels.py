"""Which passage of a collection answers a question, and which only look as if they did.

This is learned from the questions that the generator is trained on, and from what readers said of answers
(``troika finetune data mine``). A part of the questions is held out by document, to measure on.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from eval.cases.case import Case
from eval.cases.choices import SplitBy
from eval.cases.passage_overlap import PassageIndex
from eval.cases.split import split_cases
from eval.jsonl import Record, read_records
from eval.retrieval.datasets import Query
from eval.runs.places import names_document
from finetune.data.passages import Found, IndexPassages, Search
from finetune.data.questions import questions_file, read_questions
from finetune.settings.encoders import LabelSection
from ingest.document import Chunk
from ingest.errors import CasesError, NoTermsError, TrainingDataError
from ingest.words.questions import normalized

# As deep as the retriever takes candidates; a document that is not found until there teaches nothing.
_DEPTH = 100
# Passages that say the same are found side by side.
_NEIGHBOURS = 5


class LeftOut(StrEnum):
    """Why a question teaches the retriever nothing."""

    NO_ANSWER = "the collection is not said to hold the answer"
    NOT_FOUND = f"no passage with the answer among the first {_DEPTH}"
    NO_WORDS = "the question holds no word to search for"
    OTHER_COLLECTION = "a reader's passage is not in the collection, or not known"
    HELD_OUT = "what a reader said is about a question or document held out"


@dataclass(frozen=True, slots=True)
class Label:
    """A question, a passage that answers it, and others that look as if they did, likeliest first."""

    id: str
    question: str
    answer: Chunk
    others: tuple[Chunk, ...]


@dataclass(frozen=True, slots=True)
class Labels:
    """What to train on and what to measure on, and how often a question was left out."""

    train: tuple[Label, ...]
    held_out: tuple[Query, ...]
    left_out: Counter[LeftOut]


@dataclass(frozen=True, slots=True)
class LabelFiles:
    """Where labels come from: questions, and rows for the retriever that were mined from feedback.

    The questions are in any form of ``eval.cases.read``, or a folder in the layout of BEIR.
    """

    questions: Path
    mined: Path | None = None


def read_labels(
    files: LabelFiles, index: IndexPassages, search: Search, section: LabelSection, seed: int
) -> Labels:
    """The labels of the questions and of the mined rows.

    Args:
        index: finds the passages with the answers.
        search: the retriever of the same collection.

    Raises:
        TrainingDataError: a file is not in a documented form, names a document that the collection lacks,
            or leaves too little to train on or to measure on.
    """
    cases = read_questions(questions_file(files.questions), documents_suffice=True)
    try:
        split = split_cases(cases, SplitBy.DOCUMENT, section.held_out, seed)
    except CasesError as error:
        raise TrainingDataError(str(error)) from error
    held_out = tuple(_query(case) for case in split.held_out if case.answerable and case.relevant)
    if not held_out:
        raise TrainingDataError(
            f"no question of {files.questions} that is held out names the document with its answer, so "
            "nothing can be measured: give questions that do, or raise data.held_out."
        )
    reader = _Reader(index, search)
    labels = [label for case in split.train for label in reader.labels(case)]
    if files.mined is not None:
        labels += reader.mined(files.mined, held_out)
    return Labels(filled(labels, section.negatives, seed), held_out, reader.left_out)


def filled(labels: Sequence[Label], count: int, seed: int) -> tuple[Label, ...]:
    """``labels`` with ``count`` other passages each: the likeliest ones, then answers to other questions.

    The latter are drawn from other documents, by the seed and the label's id.

    Raises:
        TrainingDataError: there are no labels, or too few documents to draw from.
    """
    answers = {label.answer.id: label.answer for label in labels}
    complete: list[Label] = []
    for label in labels:
        others = label.others[:count]
        if len(others) < count:
            known = {chunk.document_id for chunk in (label.answer, *others)}
            pool = [chunk for chunk in answers.values() if chunk.document_id not in known]
            if len(others) + len(pool) < count:
                raise TrainingDataError(
                    f"the question {label.id!r} has {len(others) + len(pool)} passages that do not answer "
                    f"it, and {count} are wanted: lower data.negatives, or ask about more documents."
                )
            drawn = random.Random(f"{seed}:{label.id}").sample(pool, count - len(others))
            others = (*others, *drawn)
        complete.append(replace(label, others=others))
    if not complete:
        raise TrainingDataError(
            "no question is left to train on: give questions whose documents are in the collection."
        )
    return tuple(complete)


class _Reader:
    """Makes labels, and counts what gives none."""

    def __init__(self, index: IndexPassages, search: Search) -> None:
        self._index = index
        self._search = search
        self.left_out: Counter[LeftOut] = Counter()

    def labels(self, case: Case) -> Iterator[Label]:
        """A label for each passage that holds the answer or a part of it.

        Where no passage of the case's document holds it in so many words, it is the one that the retriever
        finds first, and the others of that document are no wrong answers.
        """
        if not case.answerable or not (case.relevant or case.answers):
            self.left_out[LeftOut.NO_ANSWER] += 1
            return
        try:
            found = self._index.find(case)
            answers, others = (found.gold, found.others) if found.gold else self._of_document(case, found)
        except NoTermsError:
            self.left_out[LeftOut.NO_WORDS] += 1
            return
        self.left_out[LeftOut.NOT_FOUND] += not answers
        for answer in answers:
            yield Label(case.id, case.question, answer, others)

    def _of_document(self, case: Case, found: Found) -> tuple[tuple[Chunk, ...], tuple[Chunk, ...]]:
        """The first passage of the case's document, and the hits that neither are of it nor repeat it."""
        own = [chunk for chunk in self._hits(case.question, _DEPTH) if _is_about(chunk, case)]
        known = PassageIndex(enumerate(chunk.text for chunk in own))
        foreign = (chunk for chunk in found.ranking if not _is_about(chunk, case))
        return tuple(own[:1]), tuple(chunk for chunk in foreign if known.overlap(chunk.text) is None)

    def mined(self, path: Path, held_out: Sequence[Query]) -> Iterator[Label]:
        """The labels of a file of ``finetune.data.mine_rows.RetrievalRow``, none about what is held out."""
        questions = {normalized(query.text) for query in held_out}
        documents = {name for query in held_out for name in query.grades}
        try:
            for record in read_records(path):
                label = self._mined(record)
                if label is None:
                    self.left_out[LeftOut.OTHER_COLLECTION] += 1
                elif normalized(label.question) in questions or any(
                    names_document(label.answer.uri, name) for name in documents
                ):
                    self.left_out[LeftOut.HELD_OUT] += 1
                else:
                    yield label
        except CasesError as error:
            raise TrainingDataError(str(error)) from error

    def _mined(self, record: Record) -> Label | None:
        positive = record.optional_text("positive")
        answer = None if positive is None else self._chunk(positive)
        negatives = (self._chunk(text) for text in record.texts("negatives"))
        others = tuple(chunk for chunk in negatives if chunk is not None)
        return None if answer is None else Label(record.text("id"), record.text("query"), answer, others)

    def _chunk(self, text: str) -> Chunk | None:
        """The chunk with this very text, which a search for it finds first."""
        try:
            return next((chunk for chunk in self._hits(text, _NEIGHBOURS) if chunk.text == text), None)
        except NoTermsError:
            return None

    def _hits(self, query: str, count: int) -> list[Chunk]:
        return [hit.chunk for hit in self._search.retrieve(query, count)]


def _query(case: Case) -> Query:
    return Query(case.id, case.question, case.language, {place.document: 1 for place in case.relevant})


def _is_about(chunk: Chunk, case: Case) -> bool:
    return any(names_document(chunk.uri, place.document) for place in case.relevant)
