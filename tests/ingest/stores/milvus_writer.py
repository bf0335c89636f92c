"""What a process does in Milvus Lite that is killed, and the one after it: two documents, then a third.

A file of Milvus Lite belongs to one process, so that all of it has to happen in processes of their own.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from ingest.choices import StoreKind
from ingest.chunking.chunk import ChunkingSpec
from ingest.document import Document
from ingest.embed import PRESETS
from ingest.settings import ChunkingSettings, DenseSettings
from ingest.snapshots.collection import Collection
from ingest.snapshots.docstore import ChunkRow, Origin
from ingest.snapshots.snapshot import open_snapshot
from ingest.snapshots.staging import StagedSnapshot
from ingest.snapshots.verify import verify_collection
from ingest.stores.milvus_client import Milvus, Table
from ingest.stores.milvus_names import names_of, table_name
from ingest.stores.milvus_rows import Part
from ingest.stores.settings import StoreSettings
from tests.small_handbook import chunks_of, make_document

NAME = "docs"
SPEC = replace(PRESETS["minilm"], dimension=4)
RIVER, HARBOUR, FOREST = (
    make_document(f"{name}.md", name, f"# {name}\n\nThe {name} is wide.\n")
    for name in ("river", "harbour", "forest")
)


def store_of(home: Path) -> StoreSettings:
    """A file of Milvus Lite in ``home``."""
    return StoreSettings(kind=StoreKind.MILVUS, uri=str(home / "lite.db"))


def change(home: Path, put: list[Document], removed: list[Document]) -> None:
    """Publish a snapshot with documents put in and taken out."""
    target = Collection(home, NAME)
    with target.writing():
        base = target.require_current() if target.current_id() else None
        chunking = ChunkingSpec.from_settings(ChunkingSettings())
        staged = StagedSnapshot(target, SPEC, chunking, DenseSettings(), base, store=store_of(home))
        try:
            for document in put:
                first = staged.documents.next_number()
                rows = [
                    ChunkRow(number, chunk, str(number).encode(), None)
                    for number, chunk in enumerate(chunks_of(document), first)
                ]
                staged.add(document, Origin(document.uri, "key"), rows)
            for document in removed:
                staged.remove(document.id)
            numbers = staged.unembedded()
            vectors = np.asarray([[number, 1, 0, 0] for number in numbers], dtype=np.float32)
            staged.add_vectors(numbers, vectors)
            staged.publish()
        finally:
            staged.discard()


def state(home: Path) -> dict[str, object]:
    """What a reader sees, and how many rows Milvus holds."""
    store = store_of(home)
    with closing(open_snapshot(home, NAME, store)) as snapshot:
        found = [number for number, _ in snapshot.words.search("river harbour forest", 9)]
        titles = sorted(chunk.title for chunk in snapshot.documents.chunks_by_number(found))
    with closing(Milvus(store)) as milvus:
        tables = [table_name(name, Part.CHUNKS) for name in names_of(Collection(home, NAME))]
        rows = [milvus.table(table).count("stage > 0") for table in tables]
    return {"titles": titles, "rows": rows, "problems": verify_collection(home, NAME, store).problems}


def die(*_: object) -> None:
    """As when the power fails."""
    os.kill(os.getpid(), signal.SIGKILL)


def kill_at(point: str) -> None:
    """Let this process die at a point of the next run."""
    places: dict[str, Callable[[], None]] = {
        "clear": lambda: setattr(Table, "delete", die),
        "write": lambda: setattr(Table, "flush", die),
        "publish": lambda: setattr(Collection, "publish", die),
    }
    places[point]()


def main(home: Path, point: str) -> None:
    """Die at ``point`` of a change; or, for ``recover``, say what is there and make the change."""
    if point == "recover":
        before = state(home)
        change(home, [FOREST], [RIVER])
        print(json.dumps([before, state(home)]))
    else:
        change(home, [RIVER, HARBOUR], [])
        kill_at(point)
        change(home, [FOREST], [RIVER])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
