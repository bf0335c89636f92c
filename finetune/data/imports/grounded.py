"""Preferences among answers from numbered passages, rendered anew with the prompt of the service.

A row holds ``question``, ``chosen``, ``rejected``, a ``prompt`` whose paragraphs ``[1] …``, ``[2] …`` are the
passages before the question, and ``kind``: in an ``answer`` row the chosen answer stands in the passages, in
a ``refuse`` row it says that they do not tell. The file's own words for that become the service's, and every
answer cites the passage that holds it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from eval.answering.in_process import oracle_passages
from eval.cases.case import Case, CasePassage
from eval.jsonl import Record
from finetune.data.choices import TargetForm
from finetune.data.imports.labelled import Source, identity_of
from finetune.data.passages import find_words
from finetune.data.preferences import NEEDLESS_REFUSAL, UNSUPPORTED_ANSWER
from finetune.data.rows import PreferencePair, Row
from finetune.data.targets import nearest, target_text
from ingest.words.language import detect_language
from service.prompt import PROMPT_ID, render, template_for

WRONG_ANSWER = "wrong_answer"

_PASSAGE = re.compile(r"(?:\A|\n\n)\[(\d+)\] ")


def is_grounded(record: Record) -> bool:
    """Whether the row is of this form."""
    prompt = record.values.get("prompt")
    return "question" in record.values and isinstance(prompt, str) and _PASSAGE.search(prompt) is not None


@dataclass(frozen=True, slots=True)
class GroundedRows:
    """Reads the rows of a file; ``refusals`` are its words for "the passages do not tell"."""

    refusals: frozenset[str]

    @classmethod
    def of(cls, records: Sequence[Record]) -> GroundedRows:
        """The reader of a file with these records."""
        return cls(frozenset(r.text("chosen") for r in records if r.values.get("kind") == "refuse"))

    def rows(self, record: Record, source: Source) -> Iterator[Row]:
        """The pair of a row.

        Raises:
            CasesError: a field is missing or of another kind, or the prompt holds no passages.
        """
        kind = record.text("kind")
        if kind not in {"answer", "refuse"}:
            raise record.fail(f"the kind is {kind!r}: it must be 'answer' or 'refuse'.")
        case = _case(record)
        rejected = record.text("rejected")
        is_refused = rejected in self.refusals
        pair = PreferencePair(
            id=identity_of(record),
            messages=render(case.question, oracle_passages(case), case.language),
            chosen=self._said(case, record.text("chosen")),
            rejected=self._said(case, rejected),
            reason=_reason(kind, is_refused=is_refused),
            language=case.language,
            prompt_id=PROMPT_ID,
            dataset_sha256=source.dataset_sha256,
        )
        if pair.chosen == pair.rejected:
            raise record.fail("the chosen and the rejected answer say the same: leave the pair out.")
        yield pair

    def _said(self, case: Case, answer: str) -> str:
        if answer in self.refusals:
            return template_for(case.language).refusal
        texts = {marker: passage.text for marker, passage in enumerate(case.passages, start=1)}
        holding = {marker: text for marker, text in texts.items() if find_words(text, answer)}
        marker = next(iter(holding), None) or nearest(answer, texts)
        return target_text(replace(case, answers=(answer,)), {marker: texts[marker]}, TargetForm.ANSWER)


def _case(record: Record) -> Case:
    question, prompt = record.text("question"), record.text("prompt")
    asked = prompt.rfind(question)
    body = prompt[: max(asked, 0)].rpartition("\n\n")[0]  # what stands before the question is its label
    # The text before the first passage is an instruction; then markers and passages alternate.
    _, *parts = _PASSAGE.split(body)
    passages = tuple(CasePassage(text.strip(), relevant=False) for text in parts[1::2] if text.strip())
    if not passages:
        raise record.fail("the prompt holds no passages '[1] …' before the question: write them there.")
    return Case(
        id=identity_of(record),
        question=question.strip(),
        language=detect_language(question),
        answers=(),
        answerable=True,
        passages=passages,
    )


def _reason(kind: str, *, is_refused: bool) -> str:
    if kind == "refuse":
        return UNSUPPORTED_ANSWER
    return NEEDLESS_REFUSAL if is_refused else WRONG_ANSWER
