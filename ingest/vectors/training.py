"""Train, extend and measure an index that is not exact.

What the snapshot before had is linked already, so that only new vectors are encoded. Once a tenth of the
vectors has come since recall was measured, it is measured again; where it fell, the index is trained anew.
Everything is drawn with a fixed seed.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from ingest.choices import DenseKind
from ingest.vectors.codes import Codebook, write_codes
from ingest.vectors.dense import open_on_cpu
from ingest.vectors.faiss import use_threads
from ingest.vectors.files import Numbers, remove_derived
from ingest.vectors.recall import RecallSample
from ingest.vectors.rescored import RESULTS, write_bytes
from ingest.vectors.segments import SegmentReader
from ingest.vectors.spec import DenseSpec
from ingest.vectors.whole import dead_share, train_whole, write_whole

_CANDIDATES = (200, 400, 800, 1600)
_ENOUGH_RECALL = 0.98
_LOST_RECALL = 0.01
_NEW_SHARE = 0.1
_MOST_DEAD = 0.25
_TRAINING_ROWS = 65_536
_SAMPLED_QUERIES = 200


def update_index(directory: Path, dimension: int, kind: DenseKind, before: DenseSpec | None) -> DenseSpec:
    """Bring the index kept in ``directory`` up to date with the segments there.

    ``before`` tells of what is there already.
    """
    segments = SegmentReader(directory, dimension)
    use_threads(os.cpu_count() or 1)
    if before is None or before.kind is not kind or _is_worn(directory, kind, segments):
        return _train(directory, segments, kind)
    write_bytes(directory, dimension)
    _extend(directory, dimension, kind)
    if np.mean(segments.numbers > before.measured_through) < _NEW_SHARE:
        return before
    recall = _sample_queries(directory, segments).recall(open_on_cpu(directory, dimension, before))
    if recall < before.recall - _LOST_RECALL:
        use_threads(os.cpu_count() or 1)
        return _train(directory, segments, kind)
    return replace(before, recall=recall, measured_through=int(segments.numbers[-1]))


def _is_worn(directory: Path, kind: DenseKind, segments: SegmentReader) -> bool:
    return kind is not DenseKind.PQ and dead_share(directory, segments.numbers) > _MOST_DEAD


def _train(directory: Path, segments: SegmentReader, kind: DenseKind) -> DenseSpec:
    """Make the index from nothing, with as many candidates as make recall good."""
    dimension, rows = segments.dimension, len(segments.numbers)
    drawn = _draw(segments.numbers, _TRAINING_ROWS)
    remove_derived(directory)
    write_bytes(directory, dimension)
    if kind is DenseKind.PQ:
        book = Codebook.train(segments.vectors(drawn))
        book.save(directory)
        write_codes(directory, dimension, book)
        parameters = {"subspaces": book.subspaces, "bits": 4}
    else:
        index, parameters = train_whole(kind, segments.vectors(drawn), rows)
        write_whole(directory, dimension, index)
    spec = DenseSpec(kind, parameters, trained_rows=len(drawn), measured_through=int(segments.numbers[-1]))
    sample = _sample_queries(directory, segments)
    for candidates in _CANDIDATES:
        spec = replace(spec, candidates=candidates)
        spec = replace(spec, recall=sample.recall(open_on_cpu(directory, dimension, spec)))
        if spec.recall >= _ENOUGH_RECALL:
            break
    return spec


def _extend(directory: Path, dimension: int, kind: DenseKind) -> None:
    """Take in the vectors that the index lacks."""
    if kind is DenseKind.PQ:
        write_codes(directory, dimension, Codebook.load(directory, dimension))
    else:
        write_whole(directory, dimension, None)


def _sample_queries(directory: Path, segments: SegmentReader) -> RecallSample:
    return RecallSample(directory, segments, _draw(segments.numbers, _SAMPLED_QUERIES), RESULTS)


def _draw(numbers: Numbers, count: int) -> Numbers:
    return np.random.default_rng(0).permutation(numbers)[:count]
