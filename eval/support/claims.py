"""Claims that a passage bears out and claims that it does not, made from the labels of a data set.

Borne out: the sentence of a judged passage that holds the answer, the clause of it that does, and the
sentences of an answer that somebody wrote out of the passage. Not borne out: the same with another number,
another name or answer, of the same passage where it has one, with a negation put in or taken out, with a
clause of another passage added, and the same beside another passage.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from eval.cases.case import Case
from eval.cases.read import read_cases
from eval.retrieval.datasets import CorpusDocument, Dataset, read_dataset
from ingest.words.sentences import sentence_spans
from ingest.words.terms import content_terms

_LEAST_TERMS = 4
_SHORT_ANSWER = 24
_SENTENCES_OF_AN_ANSWER = 2
_CLAUSE = re.compile(r"[,，;；]\s*")
_ENDS = ".!?。！？ "
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_NAME = re.compile(r"(?<=\w\W)[A-Z][a-z]{2,}(?:\s[A-Z][a-z]{2,})*")
_NOT = re.compile(r"\s+not\b")
_AUXILIARY = re.compile(r"\b(?:is|are|was|were|has|have|had|can|could|will|would|may|must|should)\b")
_HAN_VERB = re.compile("(?<![不没沒])(?:可以|应当|是|为|為|能|会|會)")


class Change(StrEnum):
    """What was done to a claim, or to what it is held against; only ``NOTHING`` leaves it borne out."""

    NOTHING = "nothing"
    NUMBER = "number"
    NAME = "name"
    NEGATION = "negation"
    ADDITION = "addition"
    PASSAGE = "passage"


@dataclass(frozen=True, slots=True)
class Claim:
    """A text, the passage that it is held against, and what it should be told apart by."""

    text: str
    passage: CorpusDocument
    change: Change
    language: str

    @property
    def is_supported(self) -> bool:
        return self.change is Change.NOTHING


def claims_of(folder: Path, limit: int, seed: int = 0) -> tuple[Dataset, list[Claim]]:
    """The claims of at most ``limit`` cases of a data set in the BEIR layout; the same for the same seed.

    Raises:
        CasesError: the folder does not have the documented form.
    """
    dataset = read_dataset(folder)
    documents = {document.id: document for document in dataset.documents()}
    grades = {query.id: query.grades for query in dataset.queries}
    cases = [case for case in read_cases(folder) if case.id in grades and case.answers]
    drawn = random.Random(seed)
    chosen = drawn.sample(cases, min(limit, len(cases)))
    maker = _Maker(drawn, tuple(documents.values()), _short_answers(cases))
    claims: list[Claim] = []
    for case in chosen:
        gold = [documents[name] for name, grade in grades[case.id].items() if grade > 0]
        claims += [
            made for claim in _borne_out(case, gold) for made in maker.with_changes(claim, case.answers)
        ]
    return dataset, claims


def _short_answers(cases: Sequence[Case]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(case.answers[0] for case in cases if len(case.answers[0]) <= _SHORT_ANSWER))


def _borne_out(case: Case, gold: Sequence[CorpusDocument]) -> Iterator[Claim]:
    written = _sentences(case.answers[0])
    if len(gold) == 1 and written:
        for sentence in written[:_SENTENCES_OF_AN_ANSWER]:
            yield Claim(sentence, gold[0], Change.NOTHING, gold[0].language)
        return
    for document in gold:
        holding = (text for text in _sentences(document.text) if _says(text, case.answers))
        for sentence in list(holding)[:1]:
            yield Claim(sentence, document, Change.NOTHING, document.language)
            clauses = [part for part in _CLAUSE.split(sentence) if _says(part, case.answers)]
            if clauses and clauses[0] != sentence and _is_statement(clauses[0]):
                yield Claim(clauses[0], document, Change.NOTHING, document.language)


def _sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text) if _is_statement(text[start:end])]


def _is_statement(text: str) -> bool:
    return len(set(content_terms(text))) >= _LEAST_TERMS


def _says(text: str, answers: Sequence[str]) -> bool:
    return any(answer in text for answer in answers)


@dataclass(frozen=True, slots=True)
class _Maker:
    """Changes claims; ``answers`` are those of other cases."""

    drawn: random.Random
    documents: Sequence[CorpusDocument]
    answers: Sequence[str]

    def with_changes(self, claim: Claim, answers: Sequence[str]) -> Iterator[Claim]:
        """``claim`` and what becomes of it, as far as it can be changed."""
        yield claim
        changed = {
            Change.NUMBER: self._with_number(claim.text, claim.passage.text),
            Change.NAME: self._with_name(claim.text, claim.passage.text)
            or self._with_answer(claim.text, answers),
            Change.NEGATION: _with_negation(claim.text, claim.language),
        }
        for change, text in changed.items():
            if text is not None and text != claim.text:
                yield replace(claim, text=text, change=change)
        other = self.drawn.choice(self.documents)
        if other.id != claim.passage.id:
            clause = _CLAUSE.split(self.drawn.choice(_sentences(other.text) or [other.title]))[0]
            added = f"{claim.text.rstrip(_ENDS)}, {clause}"
            yield replace(claim, text=added, change=Change.ADDITION)
            yield replace(claim, passage=other, change=Change.PASSAGE)

    def _with_number(self, text: str, passage: str) -> str | None:
        found = list(_NUMBER.finditer(text))
        if not found:
            return None
        number = self.drawn.choice(found)
        near = [other for other in _NUMBER.findall(passage) if other not in _NUMBER.findall(text)]
        raised = int(re.sub(r"\D", "", number[0])[:9]) + self.drawn.choice((1, 2, 3, 7, 10))
        other = self.drawn.choice(near) if near else raised
        return f"{text[: number.start()]}{other}{text[number.end() :]}"

    def _with_answer(self, text: str, answers: Sequence[str]) -> str | None:
        said = next((answer for answer in answers if answer in text), None)
        if said is None or not self.answers or _NUMBER.search(said):
            return None
        return text.replace(said, self.drawn.choice(self.answers))

    def _with_name(self, text: str, passage: str) -> str | None:
        found = list(_NAME.finditer(text))
        near = [name for name in _NAME.findall(passage) if name not in text]
        names = near or _NAME.findall(self.drawn.choice(self.documents).text)
        if not found or not names:
            return None
        name = self.drawn.choice(found)
        return text[: name.start()] + self.drawn.choice(names) + text[name.end() :]


def _with_negation(text: str, language: str) -> str | None:
    """``text`` with its "not" taken out, or one put in behind an auxiliary, in Chinese before a verb."""
    if language.startswith("zh"):
        verb = _HAN_VERB.search(text)
        return f"{text[: verb.start()]}不{text[verb.start() :]}" if verb else None
    if _NOT.search(text):
        return _NOT.sub("", text, count=1)
    auxiliary = _AUXILIARY.search(text)
    return f"{text[: auxiliary.end()]} not{text[auxiliary.end() :]}" if auxiliary else None
