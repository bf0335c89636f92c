"""Evaluation cases: a question with what is known about its right answer.

Three forms of JSON Lines file are read, told apart by their first line:

- Troika's own: ``id, question, language, answerable, document, evidence, answers``, and optionally
  ``passages`` for oracle runs;
- queries of the BEIR layout: ``_id, text, answers, is_impossible, lang, context_id, fold``; the passage
  that ``context_id`` names is taken from a ``corpus.jsonl`` beside the file, and queries with fold
  ``train`` are left out, because a model may have been trained on them;
- supervised fine-tuning rows: ``question, contexts, gold, answer, answerable``, with ``id`` and ``lang``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from eval.jsonl import Record, read_records
from ingest.errors import CasesError

UNKNOWN_LANGUAGE = "und"


@dataclass(frozen=True, slots=True)
class CasePassage:
    """A passage that belongs to a case; ``relevant`` says whether the answer can be found in it."""

    text: str
    relevant: bool
    title: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """A question and its gold.

    ``answers`` are equally right references. ``document`` is the end of the expected document's URI,
    ``evidence`` the words in it that hold the answer. ``passages`` serve oracle runs, which leave
    retrieval out.
    """

    id: str
    question: str
    language: str
    answers: tuple[str, ...]
    answerable: bool
    document: str | None = None
    evidence: str | None = None
    passages: tuple[CasePassage, ...] = ()


def read_cases(path: Path, *, limit: int | None = None) -> tuple[Case, ...]:
    """Read the cases of a file, at most ``limit`` of them.

    Raises:
        CasesError: the file, or one of its lines, does not have one of the documented forms.
    """
    read: Callable[[Record], Case] | None = None
    cases: list[Case] = []
    lines: dict[str, int] = {}
    for record in read_records(path):
        if read is None:
            read = _reader_for(record)
        if record.values.get("fold") == "train":
            continue
        case = read(record)
        if case.id in lines:
            raise record.fail(f"the id {case.id!r} was used on line {lines[case.id]}: make each id unique.")
        if case.answerable and not case.answers:
            raise record.fail(f"case {case.id!r} is answerable but has no answer: give at least one.")
        lines[case.id] = record.line
        cases.append(case)
    if not cases:
        raise CasesError(f"{path}, line 1: every case has fold 'train': evaluate on cases of another fold.")
    return tuple(cases[:limit])


def _reader_for(first: Record) -> Callable[[Record], Case]:
    if "contexts" in first.values:
        return _training_case
    if "_id" in first.values:
        passages = _corpus_texts(first.path.parent / "corpus.jsonl")
        return lambda record: _query_case(record, passages)
    return _own_case


def _own_case(record: Record) -> Case:
    return Case(
        id=record.text("id"),
        question=record.text("question"),
        language=record.text("language"),
        answers=record.texts("answers"),
        answerable=record.flag("answerable"),
        document=record.optional_text("document"),
        evidence=record.optional_text("evidence"),
        passages=tuple(CasePassage(text, relevant=True) for text in record.texts("passages")),
    )


def _query_case(record: Record, corpus: Mapping[str, CasePassage]) -> Case:
    answerable = not record.flag("is_impossible") if "is_impossible" in record.values else True
    context = record.optional_text("context_id")
    passage = corpus.get(context) if context is not None else None
    return Case(
        id=record.text("_id"),
        question=record.text("text"),
        language=record.optional_text("lang") or UNKNOWN_LANGUAGE,
        answers=record.texts("answers"),
        answerable=answerable,
        document=context if answerable else None,
        passages=() if passage is None else (CasePassage(passage.text, answerable, passage.title),),
    )


def _training_case(record: Record) -> Case:
    contexts = record.texts("contexts")
    gold = record.indexes("gold")
    if gold and max(gold) >= len(contexts):
        raise record.fail(
            f"the field 'gold' names context {max(gold)}, but there are {len(contexts)}: count from 0."
        )
    return Case(
        id=record.optional_text("id") or f"line-{record.line}",
        question=record.text("question"),
        language=record.optional_text("lang") or UNKNOWN_LANGUAGE,
        answers=(record.text("answer"),),
        answerable=record.flag("answerable"),
        passages=tuple(CasePassage(text, index in gold) for index, text in enumerate(contexts)),
    )


def _corpus_texts(path: Path) -> dict[str, CasePassage]:
    if not path.is_file():
        return {}
    return {
        record.text("_id"): CasePassage(
            record.optional_text("text") or "", relevant=True, title=record.optional_text("title") or ""
        )
        for record in read_records(path)
    }
