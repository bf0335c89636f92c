"""The store Milvus: the vectors and the BM25 of a collection on a server, a cluster, or in Milvus Lite.

SQLite stays the truth, in the folder of each snapshot. A Milvus collection cannot be copied for each
snapshot, so the rows of all kept snapshots stand in one, and a snapshot names its own:

- **Collections.** A Troika collection has three in Milvus: ``NAME_vectors``, ``NAME_chunks`` and
  ``NAME_documents``, where NAME holds a random part and is in the manifest. Whoever builds anew (another
  embedder, repair, migration) takes a new NAME. So homes that share a server never meet, and a chunk number
  means one thing under a NAME and stage.
- **Stages.** Each ingest writes under a stage of its own, the time in microseconds or one more than the last.
  A snapshot's rows are those of the stages in its line, but for those that a later stage deleted:
  ``rows.json`` in its folder says which, under the checksum of its manifest, and every search filters by it,
  before scoring. Rows never change. (A pair born/died in each row would need rows to change before the
  snapshot is published, and cannot tell two lines apart, where one ingests after rolling back and chunk
  numbers come again.)
- **Publishing.** Rows are written, flushed and counted first; then the folder is renamed and CURRENT
  replaced. Readers know nothing of a stage before that.
- **A crash** leaves rows of a stage that no kept snapshot names, or a NAME that none names. The next staging
  deletes both (``ingest.stores.milvus_clearing``). NAMEs are written down in ``stores/`` of the collection's
  folder before they are made.
- **Pruning.** What only deleted snapshots needed goes with the next staging, too. So a reader may hold a
  snapshot after it was pruned, but only until the ingest after that.

Vectors are compared one by one (FLAT), which is exact. Hybrid search is two searches, fused as those of files
are. On four labelled sets the nearest ten are those of FAISS, of the best ten by words .97 to .98 are those
of tantivy, and of the fused ten .97 to .99.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

import numpy as np

from ingest.choices import StoreKind
from ingest.embed import Matrix, Vector
from ingest.lexical.bm25 import LexicalReader, LexicalWriter
from ingest.snapshots.collection import Collection
from ingest.snapshots.manifest import IndexManifest
from ingest.stores.milvus_clearing import clear_away, shared_deletions
from ingest.stores.milvus_client import Milvus, Table
from ingest.stores.milvus_entries import MilvusEntries, StagedEntries
from ingest.stores.milvus_names import new_name, table_name
from ingest.stores.milvus_rows import Part, Rows, SnapshotRows, among, load_rows, save_rows
from ingest.stores.milvus_writing import StagedRows
from ingest.stores.settings import StoreSettings
from ingest.stores.spec import StoreSpec
from ingest.stores.store import Stored
from ingest.vectors.cosine_spread import SAMPLED_ROWS, spread_of
from ingest.vectors.files import Numbers
from ingest.vectors.index import DenseFilter
from ingest.vectors.spec import DenseSpec

_READ_AT_ONCE = 500


class MilvusVectors:
    """``VectorIndex`` over the rows of a snapshot."""

    def __init__(self, table: Table, rows: Rows, dimension: int) -> None:
        self._table = table
        self._expression = rows.expression()
        self.dimension = dimension

    def __len__(self) -> int:
        return self._table.count(self._expression)

    def search(
        self, query: Vector, depth: int, visible: DenseFilter | None = None
    ) -> list[tuple[int, float]]:
        """See ``VectorIndex``."""
        expression = self._expression + (f" and {visible.engine}" if visible else "")
        return self._table.nearest(query, expression, depth)

    def hiding(self, numbers: AbstractSet[int]) -> DenseFilter:
        """See ``VectorIndex``."""
        return _filter(f"not ({among(numbers)})")

    def only(self, numbers: Numbers) -> DenseFilter:
        """See ``VectorIndex``."""
        return _filter(among(numbers.tolist()))

    def find(self, numbers: Sequence[int]) -> dict[int, Vector]:
        """The vectors of those of ``numbers`` that have one; each of shape (dimension,), float32."""
        found: dict[int, Vector] = {}
        for start in range(0, len(numbers), _READ_AT_ONCE):
            part = numbers[start : start + _READ_AT_ONCE]
            found.update(self._table.vectors(f"{self._expression} and {among(part)}", len(part)))
        return found

    def sample(self, most: int) -> Matrix:
        """At most so many of the vectors; shape (n, dimension), float32."""
        found = self._table.vectors(self._expression, most)
        return np.asarray(list(found.values()), dtype=np.float32).reshape(-1, self.dimension)

    def numbers(self) -> list[int]:
        """The numbers of all chunks with a vector."""
        return self._table.numbers(self._expression)


class MilvusIndexes:
    """``Indexes`` in Milvus."""

    def __init__(self, directory: Path, manifest: IndexManifest, settings: StoreSettings) -> None:
        """Connect for the snapshot in ``directory``.

        Raises:
            SnapshotCorruptError: its rows are not known.
            SettingsError, DatabaseError: Milvus cannot be reached.
        """
        rows = load_rows(directory)
        self._milvus = Milvus(settings)
        tables = {part: self._milvus.table(table_name(manifest.store.name, part)) for part in Part}
        dimension = manifest.embedder.dimension
        self.vectors = MilvusVectors(tables[Part.VECTORS], rows[Part.VECTORS], dimension)
        self.words = LexicalReader(
            MilvusEntries(tables[Part.CHUNKS], rows[Part.CHUNKS]),
            MilvusEntries(tables[Part.DOCUMENTS], rows[Part.DOCUMENTS]),
        )

    def find(self, numbers: Sequence[int]) -> dict[int, Vector]:
        """See ``VectorSource``."""
        return self.vectors.find(numbers)

    def vector_numbers(self) -> list[int]:
        """See ``Indexes``."""
        return self.vectors.numbers()

    def cosine_spread(self) -> float:
        """See ``Indexes``."""
        return spread_of(self.vectors.sample(SAMPLED_ROWS))

    def close(self) -> None:
        """See ``Indexes``."""
        self._milvus.close()


class StagedVectors:
    """``VectorWriter`` into a stage."""

    def __init__(self, staged: StagedRows) -> None:
        self._staged = staged

    @property
    def living(self) -> AbstractSet[int]:
        """See ``VectorWriter``."""
        return set(self._staged.living())

    def add(self, numbers: Sequence[int], vectors: Matrix) -> None:
        """See ``VectorWriter``."""
        for number, vector in zip(numbers, vectors, strict=True):
            self._staged.add(number, {"vector": vector})

    def delete(self, numbers: Iterable[int]) -> None:
        """See ``VectorWriter``."""
        for number in numbers:
            self._staged.delete(number)


class StagedMilvus:
    """``StagedIndexes`` in Milvus."""

    def __init__(
        self,
        target: Collection,
        directory: Path,
        dimension: int,
        settings: StoreSettings,
        base: tuple[Path, StoreSpec] | None,
    ) -> None:
        """Begin a stage on the rows of ``base``, or one under a new name, after clearing away.

        Raises:
            SettingsError, DatabaseError: Milvus cannot be reached.
        """
        self._directory = directory
        self._milvus = Milvus(settings)
        kept = clear_away(target, self._milvus)
        if base is None:
            self._name = new_name(target)
            self._milvus.create_vectors(table_name(self._name, Part.VECTORS), dimension)
            self._milvus.create_words(table_name(self._name, Part.CHUNKS))
            self._milvus.create_words(table_name(self._name, Part.DOCUMENTS))
        else:
            self._name = base[1].name
        before = load_rows(base[0]) if base else dict.fromkeys(Part, Rows())
        self._staged = self._stage_rows(before, kept.get(self._name, []))
        self.vectors = StagedVectors(self._staged[Part.VECTORS])
        self.words = LexicalWriter(
            StagedEntries(self._staged[Part.CHUNKS]), StagedEntries(self._staged[Part.DOCUMENTS])
        )

    def save(self) -> Stored:
        """See ``StagedIndexes``."""
        for staged in self._staged.values():
            staged.commit()
        save_rows(self._directory, {part: staged.rows for part, staged in self._staged.items()})
        return Stored(StoreSpec(StoreKind.MILVUS, self._name), DenseSpec(), "milvus")

    def abandon(self) -> None:
        """See ``StagedIndexes``. Rows that were written stay until the next stage clears them away."""
        self._milvus.close()

    def _stage_rows(self, before: SnapshotRows, kept: Sequence[SnapshotRows]) -> dict[Part, StagedRows]:
        """A new stage on ``before``; what all ``kept`` snapshots deleted is gone."""
        last = max((stage for rows in before.values() for stage in rows.stages), default=0)
        stage = max(last + 1, time.time_ns() // 1_000)
        return {
            part: StagedRows(
                self._milvus.table(table_name(self._name, part)),
                before[part],
                stage,
                shared_deletions(rows[part] for rows in kept),
            )
            for part in Part
        }


def _filter(expression: str) -> DenseFilter:
    """One that Milvus evaluates, and that lists no rows here."""
    return DenseFilter(np.zeros(0, dtype=np.bool_), np.zeros(0, dtype=np.int64), expression)
