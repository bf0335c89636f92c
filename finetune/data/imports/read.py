"""Data that was made elsewhere -> rows of training data, from JSON Lines or a JSON array.

The forms are listed in ``forms`` and ``grounded``. Rows that are no pairs from passages keep their own prompt
and say nothing of the service's (``prompt_id`` None).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.cases.rows import read_rows
from eval.jsonl import Record
from finetune.data.choices import ImportForm, RowKind
from finetune.data.imports.convert import as_kind, kind_of, merge_rankings
from finetune.data.imports.forms import alpaca_rows, form_of, ranking_rows, sharegpt_rows, trl_rows
from finetune.data.imports.grounded import GroundedRows
from finetune.data.imports.labelled import Source
from finetune.data.row_files import write_rows
from finetune.data.rows import RankedAnswers, Row, TrainingExample, rows_sha256
from ingest.errors import CasesError, TrainingDataError
from ingest.snapshots.durable import file_sha256

RowsOf = Callable[[Record, Source], Iterator[Row]]


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import wrote."""

    path: Path
    form: ImportForm
    kind: RowKind
    rows: int
    rows_sha256: str


def import_file(path: Path, form: ImportForm | None, kind: RowKind | None, folder: Path) -> Imported:
    """Write the rows of ``path`` as ``STEM.KIND.jsonl`` into ``folder``; see ``import_rows``."""
    records = _records(path)
    form = form or _form(records[0])
    rows = _rows(records, form, kind)
    kind = kind_of(rows[0])
    target = folder / f"{path.stem}.{kind.value}.jsonl"
    write_rows(target, rows)
    return Imported(target, form, kind, len(rows), rows_sha256(rows))


def import_rows(path: Path, form: ImportForm | None = None, kind: RowKind | None = None) -> tuple[Row, ...]:
    """The rows of a file.

    Args:
        path: JSON Lines, or a JSON array.
        form: how its rows are laid out; None tells it by the fields of the first.
        kind: what they are to be; None takes what the first one is. Rankings of one prompt that share an
            answer become one.

    Raises:
        TrainingDataError: a row has another form, or does not say what its kind takes; the file and the line
            are named.
    """
    records = _records(path)
    return _rows(records, form or _form(records[0]), kind)


def import_examples(path: Path) -> tuple[TrainingExample, ...]:
    """General instructions to mix in; the same errors as ``import_rows``."""
    return tuple(row for row in import_rows(path, kind=RowKind.SFT) if isinstance(row, TrainingExample))


def _records(path: Path) -> Sequence[Record]:
    try:
        return [*read_rows(path)]
    except CasesError as error:
        raise TrainingDataError(str(error)) from error


def _form(first: Record) -> ImportForm:
    form = form_of(first)
    if form is None:
        raise TrainingDataError(
            f"{first.path}, line {first.line}: the fields {', '.join(first.values)} are of no known form: "
            f"expected one of {', '.join(ImportForm)}; see `troika finetune data import --help`."
        )
    return form


def _rows(records: Sequence[Record], form: ImportForm, kind: RowKind | None) -> tuple[Row, ...]:
    source = Source(file_sha256(records[0].path))
    rows_of = _reader(form, records)
    rows: list[Row] = []
    try:
        for record in records:
            for row in rows_of(record, source):
                kind = kind or kind_of(row)
                rows += _converted(record, row, kind)
    except CasesError as error:
        raise TrainingDataError(str(error)) from error
    if not rows:
        raise TrainingDataError(f"{records[0].path} gives no row of {kind}: every answer in it was rejected.")
    if kind is RowKind.RM:
        return tuple(merge_rankings([row for row in rows if isinstance(row, RankedAnswers)]))
    return tuple(rows)


def _reader(form: ImportForm, records: Sequence[Record]) -> RowsOf:
    match form:
        case ImportForm.ALPACA:
            return alpaca_rows
        case ImportForm.SHAREGPT:
            return sharegpt_rows
        case ImportForm.TRL:
            return trl_rows
        case ImportForm.RANKING:
            return ranking_rows
        case ImportForm.GROUNDED:
            return GroundedRows.of(records).rows


def _converted(record: Record, row: Row, kind: RowKind) -> Sequence[Row]:
    rows = as_kind(row, kind)
    if rows is None:
        raise record.fail(
            f"the row is for {kind_of(row)} and does not say what {kind} takes: leave it out, or import it "
            f"--as {kind_of(row)}."
        )
    return rows
