"""Supervised fine-tuning rows: ``question, contexts, gold, answer, answerable``, with ``id`` and ``lang``."""

from __future__ import annotations

from collections.abc import Iterable

from eval.cases.case import UNKNOWN_LANGUAGE, Case, CasePassage
from eval.jsonl import Record


def training_cases(record: Record) -> Iterable[Case]:
    """The case of a row, with its contexts as passages; ``gold`` are the indexes of those with the answer.

    Raises:
        CasesError: a field is missing or of another kind, or ``gold`` names a context that is not there.
    """
    contexts = record.texts("contexts")
    gold = record.indexes("gold")
    if gold and max(gold) >= len(contexts):
        raise record.fail(
            f"the field 'gold' names context {max(gold)}, but there are {len(contexts)}: count from 0."
        )
    yield Case(
        id=record.optional_text("id") or f"line-{record.line}",
        question=record.text("question"),
        language=record.optional_text("lang") or UNKNOWN_LANGUAGE,
        answers=(record.text("answer"),),
        answerable=record.flag("answerable"),
        passages=tuple(CasePassage(text, index in gold) for index, text in enumerate(contexts)),
    )
