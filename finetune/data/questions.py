"""Questions to train on, in any of the forms of evaluation cases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from eval.cases.case import Case
from eval.cases.forms.queries import queries_of
from eval.cases.read import Form, form_of
from eval.cases.rows import read_rows
from ingest.errors import CasesError, TrainingDataError


def questions_file(path: Path) -> Path:
    """The file that holds the questions of ``path``, a file or a folder in the layout of BEIR.

    Raises:
        TrainingDataError: a folder of another layout.
    """
    try:
        return queries_of(path) if path.is_dir() else path
    except CasesError as error:
        raise TrainingDataError(str(error)) from error


def read_questions(path: Path, *, documents_suffice: bool = False) -> tuple[Case, ...]:
    """The questions of a file; rows of another fold than ``train`` are for evaluation, and left out.

    Args:
        documents_suffice: whether a question may name the document with its answer in place of an answer.

    Raises:
        TrainingDataError: a row has none of the forms that ``eval.cases.read`` lists, an id stands twice, or
            no row is left.
    """
    try:
        cases = tuple(_cases(path, documents_suffice))
    except CasesError as error:
        raise TrainingDataError(str(error)) from error
    if not cases:
        raise TrainingDataError(
            f"{path} holds no question to train on: expected rows without a fold, or of fold 'train'."
        )
    return cases


def _cases(path: Path, documents_suffice: bool) -> Iterator[Case]:
    form: Form | None = None
    lines: dict[str, int] = {}
    for record in read_rows(path):
        form = form or form_of(record)
        if record.values.get("fold") not in (None, "train"):
            continue
        for case in form(record):
            if case.id in lines:
                raise record.fail(f"the id {case.id!r} was used on line {lines[case.id]}: make it unique.")
            is_labelled = case.answers or (documents_suffice and case.relevant)
            if case.answerable and not is_labelled:
                raise record.fail(f"question {case.id!r} can be answered but has no answer: give one.")
            lines[case.id] = record.line
            yield case
