"""What every index of vectors can do, whichever engine is behind it."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ingest.embed import Vector
from ingest.vectors.files import Numbers


@dataclass(frozen=True, slots=True)
class DenseFilter:
    """What a search may return. It belongs to the index that made it.

    ``mask`` is True for each row that may be returned, ``rows`` are these rows, ascending, and ``engine`` is
    what the index made of them for itself.
    """

    mask: NDArray[np.bool_]
    rows: Numbers
    engine: Any

    @property
    def hidden(self) -> int:
        """How many rows are not to be returned."""
        return len(self.mask) - len(self.rows)


class VectorIndex(Protocol):
    """Unit vectors by chunk number. Reading is safe from several threads."""

    @property
    def dimension(self) -> int: ...

    def __len__(self) -> int: ...

    def search(
        self, query: Vector, depth: int, visible: DenseFilter | None = None
    ) -> list[tuple[int, float]]:
        """The ``depth`` nearest chunk numbers with their cosines, best first.

        Nothing is returned that ``visible`` does not let through, and all of it where there is less than
        ``depth``.
        """
        ...

    def hiding(self, numbers: AbstractSet[int]) -> DenseFilter:
        """What lets ``search`` return all chunks but these."""
        ...

    def only(self, numbers: Numbers) -> DenseFilter:
        """What lets ``search`` return these chunks alone; numbers without a vector are passed over."""
        ...
