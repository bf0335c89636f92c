"""How the vectors of a snapshot are searched: what its manifest says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ingest.choices import DenseKind


@dataclass(frozen=True, slots=True)
class DenseSpec:
    """How vectors are searched, and how well that finds what an exact search does.

    ``recall`` is recall@10 against exact search (``ingest.vectors.recall`` measures it); chunks with numbers
    above ``measured_through`` have come since. ``candidates`` is how many are scored again for ten results;
    ``trained_rows`` is how many vectors the index was trained on. An exact index needs none of these.
    """

    kind: DenseKind = DenseKind.FLAT
    parameters: Mapping[str, int] = field(default_factory=dict[str, int])
    candidates: int = 0
    trained_rows: int = 0
    recall: float = 1.0
    measured_through: int = 0

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> DenseSpec:
        """What ``dataclasses.asdict`` made of one.

        Raises:
            ValueError, TypeError, KeyError: it is something else.
        """
        return replace(cls(**values), kind=DenseKind(values["kind"]))
