"""A small collection with two snapshots, a folder that has changed since, and what must hold afterwards."""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ingest import pipeline
from ingest.document import Document
from ingest.pipeline import ingest
from ingest.report import IngestReport
from ingest.request import IngestRequest
from ingest.settings import Settings, load_settings
from ingest.snapshots.collection import STAGED_PREFIX, Collection
from ingest.snapshots.snapshot import VECTORS, open_snapshot
from ingest.snapshots.verify import verify_collection
from ingest.vectors.segments import read_segments
from tests.ingest.crash.same_process import SameProcessPool
from tests.ingest.crash.word_embedder import load_words

COLLECTION = "docs"
KEPT_SNAPSHOTS = 2
_QUERIES = ("river", "harbour bridge", "note number four", "rank of the adapter", "检索 段落", "tide table")
_DAY_NS = 86_400 * 10**9
_TWIN = (
    "The harbour bridge is closed to lorries between ten at night and six in the morning, since the "
    "weight of the queue, and not the weight of any one lorry, is what tires its cables.\n"
)


@dataclass(frozen=True, slots=True)
class State:
    """All that a reader can see of a collection; two of them are equal if it cannot tell them apart."""

    documents: dict[str, Document]
    chunks: dict[str, tuple[str, int, int, str]]
    vectors: dict[str, bytes]
    found: dict[str, list[tuple[str, float]]]


@dataclass(frozen=True, slots=True)
class Scene:
    """``home`` holds the collection as it was, ``folder`` the files as they are now."""

    home: Path
    folder: Path
    old: State
    new: State


def settings_of(home: Path) -> Settings:
    """The defaults, with few snapshots kept."""
    return load_settings(
        {"home": home, "ingest.keep_snapshots": KEPT_SNAPSHOTS}, environment={}, directory=home
    )


def replace_heavy_parts(*, parsers: bool = True) -> None:
    """Let this process ingest without a model and, with ``parsers``, without other processes."""
    pipeline.load_embedder = load_words
    if parsers:
        pipeline.ParserPool = SameProcessPool


def update(home: Path, folder: Path, *, lexical_first: bool = False) -> IngestReport:
    """Bring the collection up to date with the folder."""
    request = IngestRequest(paths=(folder,), prune=True, lexical_first=lexical_first)
    return ingest(request, COLLECTION, settings_of(home))


def make_scene(root: Path) -> Scene:
    """Two snapshots of a folder, which then changes: files are added, changed, removed and renamed."""
    home, folder = root / "home", root / "folder"
    home.mkdir()
    folder.mkdir()
    for number in range(6):
        _write(folder / f"note-{number}.md", _note(number))
    _write(folder / "bridge.txt", f"Rules of the port, first edition.\n\n{_TWIN}")
    _write(folder / "zh.md", "# 检索\n\n先检索相关段落，再回答问题。\n")
    update(home, folder)
    _write(folder / "tide.txt", f"The tide table hangs at the harbour office.\n\n{_TWIN}")
    update(home, folder)
    old = state_of(home)
    _write(folder / "note-1.md", _note(1) + "\n## Later\n\nThe river rose by a foot.\n")
    _write(folder / "note-2.md", "# Note two\n\nRewritten: the rank of the adapter is sixteen.\n")
    (folder / "note-3.md").unlink()
    (folder / "bridge.txt").unlink()
    (folder / "zh.md").rename(folder / "检索.md")
    _write(folder / "table.csv", "place,depth\nharbour,12\nriver,4\n")
    _write(folder / "page.html", "<html><body><h1>Quay</h1><p>The quay has a bridge.</p></body></html>")
    _write(folder / "broken.pdf", "%PDF-1.7 and then nothing of the kind")
    reference = root / "reference"
    shutil.copytree(home, reference)
    update(reference, folder)
    return Scene(home, folder, old, state_of(reference))


def state_of(home: Path) -> State:
    """What the current snapshot shows.

    Raises:
        AssertionError: it is not whole.
    """
    problems = verify_collection(home, COLLECTION).problems
    assert not problems, problems
    with closing(open_snapshot(home, COLLECTION)) as snapshot:
        store, numbered = snapshot.documents, dict(snapshot.documents.numbered_chunks())
        documents = [store.document(summary.id) for summary in store.document_summaries()]
        chunks = {c.id: (c.document_id, c.start, c.end, c.text) for c in numbered.values()}
        assert len(chunks) == len(numbered), "a chunk is there twice"
        vectors: dict[str, bytes] = {}
        for numbers, rows in read_segments(snapshot.directory / VECTORS, snapshot.vectors.dimension):
            for number, row in zip(numbers.tolist(), rows, strict=True):
                assert number not in vectors, "a vector is there twice"
                vectors[numbered[number].id] = row.tobytes()
        found = {
            query: [
                (numbered[number].id, round(score, 5)) for number, score in snapshot.words.search(query, 50)
            ]
            for query in _QUERIES
        }
    return State({d.uri: d for d in documents if d}, chunks, vectors, found)


def litter(home: Path) -> list[str]:
    """What a run should not have left behind."""
    target = Collection(home, COLLECTION)
    names = sorted(path.name for path in target.snapshots.iterdir())
    found = [name for name in names if name.startswith(STAGED_PREFIX)]
    found += [path.name for path in target.directory.iterdir() if path.name.startswith(".")]
    return found + (names if len(names) > KEPT_SNAPSHOTS else [])


def _note(number: int) -> str:
    words = ("river", "harbour", "ferry", "lantern", "barge", "anchor")
    return (
        f"# Note {number}\n\nThis is note number {number}; it tells of the {words[number]}.\n\n"
        f"## Details\n\nThe {words[number]} was seen {number + 3} times on the {number + 1}th of May.\n"
    )


def _write(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")
    # An old file is not read again when its size and time are the same, as in real life.
    os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns - _DAY_NS))
