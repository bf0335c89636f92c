"""Evaluation cases from a file or a folder in any of the forms that are told apart by what stands in them.

- Troika's own rows (``eval.cases.forms.own``), also as a table with a header (``…table``);
- queries of the BEIR layout, alone or in their folder (``…queries``);
- SQuAD, CMRC 2018 and DRCD (``…squad``); MultiHop-RAG (``…multihop``);
- RGB and files like it, of which each row gives several cases (``eval.cases.robustness``);
- supervised fine-tuning rows (``…training``).

Rows with fold ``train`` are left out, because a model may have been trained on them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

from eval.cases.case import Case
from eval.cases.forms.multihop import multihop_cases
from eval.cases.forms.own import own_cases
from eval.cases.forms.queries import Queries, queries_of
from eval.cases.forms.squad import article_cases, context_cases
from eval.cases.forms.table import table_cases
from eval.cases.forms.training import training_cases
from eval.cases.robustness import robustness_cases
from eval.cases.rows import is_table, read_rows
from eval.cases.select import EVERYTHING, Selection, sample_ids
from eval.jsonl import Record
from ingest.errors import CasesError

Form = Callable[[Record], Iterable[Case]]
"""Gives the cases of a row, or raises ``CasesError``."""


def iter_cases(path: Path, selection: Selection = EVERYTHING) -> Iterator[Case]:
    """Yield the selected cases of a file or a folder in its order, reading as they are taken.

    A sample reads the file twice, so that no case need be held.

    Raises:
        CasesError: the file, or one of its rows, does not have one of the documented forms; an id stands
            twice; an answerable case has no answer, and is no query either; or nothing is selected.
    """
    matching = (case for case in _all_cases(path, quick=selection.quick) if selection.matches(case))
    if selection.sample is not None:
        chosen = sample_ids(matching, selection.sample, selection.seed)
        matching = (case for case in _all_cases(path, quick=selection.quick) if case.id in chosen)
    empty = True
    for case in islice(matching, selection.limit):
        empty = False
        yield case
    if empty:
        raise CasesError(f"{path} holds no case that is asked for: {_why_none(selection)}.")


def read_cases(path: Path, *, limit: int | None = None) -> tuple[Case, ...]:
    """The cases of a file, at most ``limit`` of them; the same errors as ``iter_cases``."""
    return tuple(iter_cases(path, Selection(limit=limit)))


def form_of(first: Record) -> Form:
    """The form of a file whose first row is ``first``."""
    keys = first.values.keys()
    if is_table(first.path):
        return table_cases
    if "_id" in keys:
        return Queries(first.path).cases
    if "paragraphs" in keys:
        return article_cases
    if "context_text" in keys:
        return context_cases
    if "evidence_list" in keys:
        return multihop_cases
    if "negative" in keys:
        return robustness_cases
    return training_cases if "contexts" in keys else own_cases


def scan_cases(path: Path, *, quick: bool = False) -> Iterator[Case | CasesError]:
    """Yield every case of a file or a folder, and in its place what is wrong with a row.

    Raises:
        CasesError: nothing more can be read, because the file itself is broken.
    """
    if path.is_dir():
        path = queries_of(path)
    form: Form | None = None
    lines: dict[str, int] = {}
    for record in read_rows(path):
        form = form or form_of(record)
        if record.values.get("fold") == "train" or (quick and record.values.get("quick") is not True):
            continue
        try:
            for case in form(record):
                _check(case, record, lines)
                yield case
        except CasesError as error:
            yield error


def _all_cases(path: Path, *, quick: bool) -> Iterator[Case]:
    for found in scan_cases(path, quick=quick):
        if isinstance(found, CasesError):
            raise found
        yield found


def _check(case: Case, record: Record, lines: dict[str, int]) -> None:
    """Refuse what no row may say, and remember the line of the case in ``lines``."""
    if case.id in lines:
        raise record.fail(f"the id {case.id!r} was used on line {lines[case.id]}: make each id unique.")
    is_searched_for = "_id" in record.values and case.relevant
    if case.answerable and not case.answers and not is_searched_for:
        raise record.fail(f"case {case.id!r} is answerable but has no answer: give at least one.")
    lines[case.id] = record.line


def _why_none(selection: Selection) -> str:
    if selection.quick:
        return 'no row of another fold than train is marked "quick": true; take a sample instead'
    if selection.tags or selection.language:
        wanted = [f"tag {tag}" for tag in sorted(selection.tags)]
        wanted += [f"language {selection.language}"] if selection.language else []
        return f"none has the {' or '.join(wanted)}"
    return "every row has fold 'train'; evaluate on rows of another fold"
