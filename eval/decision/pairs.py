"""The cases that two runs have in common, side by side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eval.measures.slices import source_clusters
from eval.runs.folder import RunFolder
from eval.runs.record import CaseRecord, RunIdentity
from ingest.errors import RunMismatchError

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Two runs of the same cases; the records of both are in the order of the cases' ids."""

    first_run: RunIdentity
    second_run: RunIdentity
    first: tuple[CaseRecord, ...]
    second: tuple[CaseRecord, ...]

    @property
    def clusters(self) -> IntArray:
        """The number of each case's source, from 0, shape (cases,)."""
        return source_clusters(self.first)


def pair_runs(first: RunFolder, second: RunFolder, *, common: bool = False) -> Pairs:
    """Pair the records of two runs by the id of their case.

    A case that has another question or gold in the other run is not the same case.

    Args:
        common: whether cases that only one of the runs has are left out.

    Raises:
        RunMismatchError: the runs have no case in common, or not the same ones and ``common`` is not asked.
    """
    by_id = [{record.case.id: record for record in run.records()} for run in (first, second)]
    one, two = by_id
    shared = sorted(name for name in one.keys() & two.keys() if one[name].case == two[name].case)
    only_first, only_second = len(one) - len(shared), len(two) - len(shared)
    if not shared or (not common and only_first + only_second > 0):
        remedy = (
            f"add --common to compare the {len(shared)} they share" if shared else "take runs of one file"
        )
        raise RunMismatchError(
            f"the runs are not of the same cases: {only_first} of {len(one)} are in {first.path} alone and "
            f"{only_second} of {len(two)} in {second.path}; finish the runs, or {remedy}."
        )
    return Pairs(
        first.identity,
        second.identity,
        tuple(one[name] for name in shared),
        tuple(two[name] for name in shared),
    )
