"""Codes of a real collection: in its manifest, verified, and made again when they are damaged."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from ingest.choices import DenseKind
from ingest.pipeline import ingest_documents
from ingest.settings import DenseSettings, Settings
from ingest.snapshots import repair
from ingest.snapshots.manifest import read_manifest
from ingest.snapshots.repair import repair_collection
from ingest.snapshots.snapshot import VECTORS, open_snapshot
from ingest.snapshots.verify import verify_collection
from ingest.vectors import build
from tests.ingest.conftest import CountingEmbedder
from tests.ingest.snapshot_tools import COLLECTION, current, ingest_note
from tests.small_handbook import make_document


@pytest.fixture
def coded(settings: Settings, words: CountingEmbedder, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a home with a collection that is searched by codes, small as it is."""
    monkeypatch.setattr(build, "_FEWEST_ROWS", 20)
    monkeypatch.setattr(repair, "load_embedder", words.load)
    coded = settings.model_copy(update={"dense": DenseSettings(index=DenseKind.PQ)})
    notes = [make_document(f"{n}.md", f"Part {n}", f"# Part {n}\n\nValve {n} opens.\n") for n in range(40)]
    ingest_documents(notes, COLLECTION, coded)
    return coded


def searched(settings: Settings, words: CountingEmbedder) -> list[tuple[int, float]]:
    with closing(open_snapshot(settings.home, COLLECTION)) as snapshot:
        return snapshot.vectors.search(words.embed_query("Valve 7 opens"), 10)


def test_the_next_snapshot_links_the_codes(coded: Settings) -> None:
    first = current(coded)
    assert read_manifest(first).dense.kind is DenseKind.PQ
    ingest_note(coded, 1)
    second = current(coded)
    assert read_manifest(second).dense == read_manifest(first).dense
    for name in ("0001.codes.npy", "0001.bytes.npy", "codebook.npy"):
        assert (first / VECTORS / name).stat().st_ino == (second / VECTORS / name).stat().st_ino
    assert verify_collection(coded.home, COLLECTION).problems == ()


@pytest.mark.parametrize("name", ["0001.codes.npy", "0001.bytes.npy", "0001.scales.npy", "codebook.npy"])
def test_damaged_codes_are_found_and_made_again_from_the_vectors(
    coded: Settings, words: CountingEmbedder, name: str
) -> None:
    before = searched(coded, words)
    path: Path = current(coded) / VECTORS / name
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    [problem] = verify_collection(coded.home, COLLECTION).problems
    assert problem == f"vectors/{name} differs from its checksum"
    words.forget()
    repair_collection(coded, COLLECTION)
    assert words.passages == 0
    assert verify_collection(coded.home, COLLECTION).problems == ()
    assert searched(coded, words) == before
