"""Which rows of a Milvus collection are a snapshot's: what its folder keeps, and an expression filters by."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import Any

from ingest.errors import SnapshotCorruptError

ROWS = "rows.json"
_MOST_RANGES = 200

Deletion = tuple[int, int]
"""A stage and a number: the rows with that number that were there before the stage are deleted."""


class Part(StrEnum):
    """The collections in Milvus that a Troika collection has."""

    VECTORS = "vectors"
    CHUNKS = "chunks"
    DOCUMENTS = "documents"


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one part that were written in ``stages``, but for the ``dead``.

    A number that was deleted may come again in the same stage or a later one.
    """

    stages: tuple[int, ...] = ()
    dead: frozenset[Deletion] = frozenset()

    def expression(self) -> str:
        """What Milvus filters these rows by."""
        clauses = [f"stage in {list(self.stages)}"]
        clauses += [f"not ({one})" for one in deletions(self.dead)]
        return " and ".join(clauses)

    def next_stage(self, stage: int, gone: frozenset[Deletion]) -> Rows:
        """These rows and those of ``stage``; what is ``gone`` from Milvus need not be filtered out."""
        return Rows((*self.stages, stage), self.dead - gone)

    def without(self, stage: int, numbers: Iterable[int]) -> Rows:
        """These rows, when ``stage`` has deleted some."""
        return replace(self, dead=self.dead | {(stage, number) for number in numbers})


SnapshotRows = Mapping[Part, Rows]
"""All that a snapshot has in Milvus."""


def deletions(dead: Iterable[Deletion]) -> list[str]:
    """Expressions for the rows that were deleted, one for each stage that did."""
    ordered = groupby(sorted(dead), key=lambda pair: pair[0])
    return [f"stage < {stage} and {among(number for _, number in pairs)}" for stage, pairs in ordered]


def among(numbers: Iterable[int]) -> str:
    """An expression for the rows with these numbers, by ranges where these are few: a document's chunks
    follow each other."""
    ordered = sorted(set(numbers))
    ranges: list[tuple[int, int]] = []
    for number in ordered:
        if ranges and ranges[-1][1] + 1 == number:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    if len(ranges) > _MOST_RANGES or len(ranges) == len(ordered):
        return f"number in {ordered}"
    return "(" + " or ".join(f"(number >= {first} and number <= {last})" for first, last in ranges) + ")"


def save_rows(directory: Path, rows: SnapshotRows) -> None:
    """Keep the rows of a snapshot in its folder."""
    values = {part: {"stages": one.stages, "dead": sorted(one.dead)} for part, one in rows.items()}
    (directory / ROWS).write_text(json.dumps(values), "utf-8")


def load_rows(directory: Path) -> SnapshotRows:
    """The rows of the snapshot in ``directory``.

    Raises:
        SnapshotCorruptError: the file cannot be read, or is something else.
    """
    try:
        values = json.loads((directory / ROWS).read_text("utf-8"))
        return {part: _rows(values[part]) for part in Part}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SnapshotCorruptError(
            f"{directory / ROWS} cannot be read ({error!r}): run `troika collections verify --repair`."
        ) from error


def _rows(values: Mapping[str, Any]) -> Rows:
    dead = frozenset((int(stage), int(number)) for stage, number in values["dead"])
    return Rows(tuple(map(int, values["stages"])), dead)
