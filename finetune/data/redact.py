"""Personal data in training rows -> placeholders of their kind: ``[EMAIL_1]``, ``[PHONE_2]``.

The same value has the same placeholder throughout a row, so that what an answer takes from its sources is
still taken from them. Rows don't share numbers: nobody can be followed from one to another.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from finetune.data.rows import JudgedAnswer, PreferencePair, RankedAnswers, Row, TrainingExample, row_line
from service.privacy.find import Finding, find_data
from service.privacy.rules import DataKind

_PLACEHOLDER = re.compile(rf"\[({'|'.join(DataKind)})_(\d+)\]")
_NATIONAL_DIGITS = 10
"""The end of a phone number that stays the same with and without its country's code."""

AnyRow = TypeVar("AnyRow", bound=Row)


class NameFinder(Protocol):
    """Finds the names of persons, which takes a model."""

    def names(self, text: str, language: str) -> Iterable[tuple[int, int]]:
        """The half-open spans of the names in ``text``."""
        ...


class Redactor:
    """Replaces the personal data in the texts of one row."""

    def __init__(self, language: str, names: NameFinder | None = None) -> None:
        """``language`` is that of the row, by which names are found; without ``names`` none are."""
        self._language = language
        self._names = names
        self._placeholders: dict[tuple[DataKind, str], str] = {}
        self._last: Counter[DataKind] = Counter()

    @property
    def replaced(self) -> Counter[DataKind]:
        """How many values of each kind were found."""
        return Counter(kind for kind, _ in self._placeholders)

    def reserve(self, text: str) -> None:
        """Give no number that a placeholder in ``text``, from an earlier redaction, has already."""
        for kind, number in _PLACEHOLDER.findall(text):
            self._last[DataKind(kind)] = max(self._last[DataKind(kind)], int(number))

    def text(self, text: str) -> str:
        """``text`` with a placeholder for each value."""
        pieces: list[str] = []
        end = 0
        for finding in self._findings(text):
            placeholder = self._placeholder(finding.kind, text[finding.start : finding.end])
            pieces += [text[end : finding.start], placeholder]
            end = finding.end
        return "".join((*pieces, text[end:]))

    def texts(self, texts: Sequence[str]) -> tuple[str, ...]:
        """``text`` of each."""
        return tuple(map(self.text, texts))

    def _findings(self, text: str) -> list[Finding]:
        found = find_data(text)
        if self._names is not None:
            taken = [
                *found,
                *(Finding(DataKind.NAME, *match.span()) for match in _PLACEHOLDER.finditer(text)),
            ]
            names = (Finding(DataKind.NAME, *span) for span in self._names.names(text, self._language))
            found += [name for name in names if all(map(name.is_apart, taken))]
        return sorted(found, key=lambda finding: finding.start)

    def _placeholder(self, kind: DataKind, value: str) -> str:
        same = re.sub(r"\W", "", value).casefold()
        key = (kind, same[-_NATIONAL_DIGITS:] if kind is DataKind.PHONE else same)
        if key not in self._placeholders:
            self._last[kind] += 1
            self._placeholders[key] = f"[{kind}_{self._last[kind]}]"
        return self._placeholders[key]


def redact_row(row: AnyRow, names: NameFinder | None = None) -> tuple[AnyRow, Counter[DataKind]]:
    """``row`` with placeholders in all that a model reads or writes, and how many values they stand for."""
    redactor = Redactor(row.language, names)
    redactor.reserve(row_line(row))
    messages = tuple(replace(message, content=redactor.text(message.content)) for message in row.messages)
    return replace(row, messages=messages, **_redacted_fields(row, redactor)), redactor.replaced


def _redacted_fields(row: Row, redactor: Redactor) -> dict[str, object]:
    match row:
        case TrainingExample():
            return {
                "sources": redactor.texts(row.sources),
                "target": redactor.text(row.target),
                "answers": redactor.texts(row.answers),
                "documents": redactor.texts(row.documents),
            }
        case PreferencePair():
            return {"chosen": redactor.text(row.chosen), "rejected": redactor.text(row.rejected)}
        case JudgedAnswer():
            return {"answer": redactor.text(row.answer)}
        case RankedAnswers():
            return {"answers": redactor.texts(row.answers)}
