"""Choose how the vectors of a staged snapshot are searched, and derive what that takes."""

from __future__ import annotations

from pathlib import Path

from ingest.choices import DenseKind
from ingest.settings import DenseSettings
from ingest.vectors.files import remove_derived
from ingest.vectors.segments import vector_numbers
from ingest.vectors.spec import DenseSpec

_FEWEST_ROWS = 1_000


def derive_index(
    directory: Path, dimension: int, settings: DenseSettings, before: DenseSpec | None
) -> DenseSpec:
    """Bring what is derived in ``directory`` up to date with its segments.

    ``before`` is of the snapshot whose files are linked there. Below a thousand vectors search is exact
    whatever the settings say: there is nothing to learn codes or lists from.
    """
    kind = _kind(settings, len(vector_numbers(directory)), before)
    if kind is DenseKind.FLAT:
        remove_derived(directory)
        return DenseSpec()
    # Imported when it is needed: ingests of small collections need not load FAISS.
    from ingest.vectors.training import update_index

    return update_index(directory, dimension, kind, before)


def _kind(settings: DenseSettings, rows: int, before: DenseSpec | None) -> DenseKind:
    if rows < _FEWEST_ROWS:
        return DenseKind.FLAT
    if settings.index != "auto":
        return settings.index
    # Half of it, so that a collection about that size does not change with every ingest.
    had_codes = before is not None and before.kind is DenseKind.PQ
    return DenseKind.PQ if rows >= settings.exact_below / (1 + had_codes) else DenseKind.FLAT
