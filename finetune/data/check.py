"""What a file of training rows holds, and what speaks against training on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from eval.cases.choices import LeakKind
from eval.cases.training_text import TrainingText
from eval.jsonl import Record, read_records
from finetune.data.check_leaks import leaks_into, refuses, training_text
from finetune.data.check_lengths import (
    Lengths,
    count_characters,
    token_counter,
    written_answers,
)
from finetune.data.check_report import CheckReport
from finetune.data.encode import Tokenizer
from finetune.data.redact import NameFinder, redact_row
from finetune.data.row_files import row_of
from finetune.data.rows import JudgedAnswer, PreferencePair, RankedAnswers, Row, TrainingExample
from ingest.errors import CasesError
from service.privacy.rules import DataKind
from service.prompt import PROMPT_ID

_WRITTEN = ("target", "chosen", "rejected", "answer")


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """What the rows are held against.

    Attributes:
        against: files and folders of evaluation cases.
        allowed: kinds of leak that are passed over.
        tokenizer: of the model to train; without one, lengths count characters and nothing is cut off.
        max_length: tokens of prompt and answer.
        names: finds names of persons; without it only what rules decide is personal.
    """

    against: tuple[Path, ...] = ()
    allowed: frozenset[LeakKind] = frozenset()
    tokenizer: Tokenizer | None = None
    max_length: int = 2048
    names: NameFinder | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """The report, and the sound rows without their personal data."""

    report: CheckReport
    redacted: tuple[Row, ...]


def check_file(path: Path, options: CheckOptions) -> Checked:
    """Read all rows of ``path``, which are of one kind, and look at each.

    Raises:
        CasesError: the file, or one of evaluation cases, cannot be read on.
    """
    found = _read(path)
    redacted, personal = _redacted(found.rows, options.names)
    leaks = leaks_into(options.against, found.texts).without(options.allowed) if options.against else None
    lengths = [*map(token_counter(options.tokenizer) if options.tokenizer else count_characters, found.rows)]
    too_long = sum(length.whole > options.max_length for length in lengths)
    report = CheckReport(
        rows=len(found.rows),
        kinds=Counter(map(_kind, found.rows)),
        languages=Counter(row.language for row in found.rows),
        refusals=sum(map(refuses, found.rows)),
        problems=tuple(found.problems),
        empty=found.empty,
        repeated=_repeated(found.rows),
        other_prompt=sum(row.prompt_id not in {PROMPT_ID, None} for row in found.rows),
        unit="tokens" if options.tokenizer else "characters",
        prompts=Lengths.of([length.prompt for length in lengths]),
        answers=Lengths.of([length.answer for length in lengths]),
        max_length=options.max_length,
        cut_off=too_long if options.tokenizer else None,
        personal={kind.value: count for kind, count in personal.items()},
        leaks=leaks,
    )
    return Checked(report, redacted)


@dataclass(slots=True)
class _Found:
    """The sound rows of a file with what could leak of each, and what is wrong with its other lines."""

    rows: list[Row] = field(default_factory=list[Row])
    texts: list[TrainingText] = field(default_factory=list[TrainingText])
    problems: list[str] = field(default_factory=list[str])
    empty: int = 0


def _read(path: Path) -> _Found:
    found = _Found()
    for record in read_records(path):
        found.empty += _is_empty(record)
        try:
            row = row_of(record)
            if found.rows and type(row) is not type(found.rows[0]):
                raise record.fail("the row is of another kind than the first: one file, one kind.")
            found.texts.append(training_text(record, row))
            found.rows.append(row)
        except CasesError as problem:
            found.problems.append(str(problem))
    return found


def _redacted(rows: Sequence[Row], names: NameFinder | None) -> tuple[tuple[Row, ...], Counter[DataKind]]:
    clean = [redact_row(row, names) for row in rows]
    replaced: Counter[DataKind] = Counter()
    for _, counts in clean:
        replaced.update(counts)
    return tuple(row for row, _ in clean), replaced


def _is_empty(record: Record) -> bool:
    """Whether a text that a model should read or write is blank."""
    texts = [record.values.get(key) for key in _WRITTEN]
    if "ranks" in record.values:
        texts += _listed(record, "answers")
    for turn in _listed(record, "messages"):
        texts += cast("dict[str, object]", turn).values() if isinstance(turn, dict) else [turn]
    return any(isinstance(text, str) and not text.strip() for text in texts)


def _listed(record: Record, key: str) -> list[object]:
    value = record.values.get(key)
    return cast("list[object]", value) if isinstance(value, list) else []


def _kind(row: Row) -> str:
    match row:
        case TrainingExample():
            return row.kind.value
        case PreferencePair():
            return row.reason
        case JudgedAnswer():
            return "good" if row.good else "bad"
        case RankedAnswers():
            return f"{len(row.answers)} ranked"


def _repeated(rows: Sequence[Row]) -> int:
    """How many rows say what an earlier one says, whatever their ids."""
    return len(rows) - len({(row.messages, written_answers(row)) for row in rows})
