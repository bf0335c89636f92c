"""How far apart the cosines of unrelated chunks lie: the unit in which a nearness says something.

Models differ in it: one puts any two texts at .1 ± .1, another at .8 ± .03.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ingest.embed import Matrix
from ingest.vectors.files import VECTORS, load_array, segment_names

TYPICAL_SPREAD = 0.1
SAMPLED_ROWS = 512
_FEWEST_ROWS = 32


def cosine_spread(directory: Path, dimension: int) -> float:
    """The standard deviation of the cosine of two chunks picked at random.

    From all pairs of 512 rows, evenly spaced over the vectors in ``directory``; they are unit vectors. A
    collection of a few chunks, or of copies of one, tells nothing of chance: it gets ``TYPICAL_SPREAD``.

    Raises:
        SnapshotCorruptError: a file cannot be read, or is something else.
    """
    segments = [
        load_array(directory / f"{name}{VECTORS}", np.float32, (None, dimension))
        for name in segment_names(directory)
    ]
    step = max(1, sum(map(len, segments)) // SAMPLED_ROWS)
    sample = np.concatenate([np.empty((0, dimension), np.float32), *(rows[::step] for rows in segments)])
    return spread_of(sample)


def spread_of(sample: Matrix) -> float:
    """As ``cosine_spread``, of a sample of the vectors; shape (n, dimension), float32."""
    if len(sample) < _FEWEST_ROWS:
        return TYPICAL_SPREAD
    cosines = (sample @ sample.T)[np.triu_indices(len(sample), 1)]
    return float(cosines.std()) or TYPICAL_SPREAD
