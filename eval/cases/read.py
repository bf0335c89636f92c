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
from pathlib import Path

from eval.cases.case import UNKNOWN_LANGUAGE, Case, CasePassage, Relevant
from eval.jsonl import Record, read_records
from ingest.errors import CasesError


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
        relevant=_place(record),
        passages=tuple(CasePassage(text, relevant=True) for text in record.texts("passages")),
    )


def _place(record: Record) -> tuple[Relevant, ...]:
    document = record.optional_text("document")
    return () if document is None else (Relevant(document, record.optional_text("evidence")),)


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
        relevant=(Relevant(context),) if answerable and context is not None else (),
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
