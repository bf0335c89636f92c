"""Parts of the cases of a run, and which cases do well or badly together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from eval.cases.case import Case
from eval.measures.measure import BoolArray
from eval.runs.record import CaseRecord


def source_clusters(records: Sequence[CaseRecord]) -> npt.NDArray[np.int64]:
    """A number for each record, the same for cases of one source: they do well or badly together."""
    sources = np.array([record.case.source for record in records], dtype=str)
    return np.unique(sources, return_inverse=True)[1].astype(np.int64)


def case_slices(records: Sequence[CaseRecord]) -> dict[str, BoolArray]:
    """Which of the cases are in each slice: of a language, a tag, and answerable or not.

    The names are ``language:zh``, ``tag:noise:0.4``, ``answerable:yes`` and ``answerable:no``; ``of`` of a
    measure takes its mask.
    """
    return by_label([tuple(_slices_of(record.case)) for record in records])


def by_label(labels: Sequence[Iterable[str]]) -> dict[str, BoolArray]:
    """For each label, in order, which of the cases have it; shape (cases,).

    Args:
        labels: those of each case.
    """
    rows: dict[str, list[int]] = {}
    for row, names in enumerate(labels):
        for name in names:
            rows.setdefault(name, []).append(row)
    return {name: np.isin(np.arange(len(labels)), rows[name]) for name in sorted(rows)}


def _slices_of(case: Case) -> Iterator[str]:
    yield f"language:{case.language}"
    yield f"answerable:{'yes' if case.answerable else 'no'}"
    yield from (f"tag:{tag}" for tag in case.tags)
