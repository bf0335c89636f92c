"""Verification finds every damage, by checksum or, where a forger mended that, by comparison."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ingest.errors import CollectionNotFoundError
from ingest.lexical.bm25 import stage_lexical
from ingest.settings import Settings
from ingest.snapshots.manifest import MANIFEST, read_manifest
from ingest.snapshots.snapshot import DOCUMENTS, LEXICAL, VECTORS
from ingest.snapshots.verify import verify_collection
from ingest.vectors.segments import DenseWriter
from tests.ingest.conftest import CountingEmbedder
from tests.ingest.snapshot_tools import COLLECTION, current, reseal


@pytest.fixture
def snapshot(published: Settings) -> Path:
    """The folder of a published snapshot."""
    return current(published)


def problems(settings: Settings) -> tuple[str, ...]:
    return verify_collection(settings.home, COLLECTION).problems


def change(snapshot: Path, statement: str) -> None:
    """Change the document store behind everyone's back."""
    connection = sqlite3.connect(snapshot / DOCUMENTS)
    with connection:
        connection.execute(statement)
    connection.close()


def test_an_untouched_snapshot_agrees(snapshot: Path, settings: Settings) -> None:
    found = verify_collection(settings.home, COLLECTION)
    assert found.problems == ()
    assert (found.collection, found.snapshot, found.documents) == (COLLECTION, snapshot.name, 3)
    assert found.chunks == read_manifest(snapshot).chunks


def test_a_missing_collection_is_an_error(settings: Settings) -> None:
    with pytest.raises(CollectionNotFoundError):
        verify_collection(settings.home, "absent")


def test_a_flipped_byte_is_found_in_every_file(snapshot: Path, settings: Settings) -> None:
    names = read_manifest(snapshot).files
    assert len(names) > 5
    for name in names:
        path = snapshot / name
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        assert problems(settings) == (f"{name} differs from its checksum",)
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    assert problems(settings) == ()


def test_a_missing_file_is_found_whichever_it_is(snapshot: Path, settings: Settings) -> None:
    for name in read_manifest(snapshot).files:
        content = (snapshot / name).read_bytes()
        (snapshot / name).unlink()
        assert problems(settings) == (f"{name} is missing",)
        (snapshot / name).write_bytes(content)


def test_a_file_too_many_is_found(snapshot: Path, settings: Settings) -> None:
    (snapshot / LEXICAL / "extra").write_text("")
    assert problems(settings) == ("lexical/extra does not belong here",)


def test_a_damaged_manifest_is_found(snapshot: Path, settings: Settings) -> None:
    (snapshot / MANIFEST).write_text("{")
    [problem] = problems(settings)
    assert "manifest" in problem


def change_vectors(snapshot: Path, change: Callable[[DenseWriter], None], dimension: int = 384) -> None:
    """Write the vectors anew, changed, and mend the checksums."""
    kept = (snapshot / VECTORS).rename(snapshot.parent.parent / "vectors before")
    writer = DenseWriter(snapshot / VECTORS, dimension, kept if dimension == 384 else None)
    change(writer)
    writer.save()
    shutil.rmtree(kept)
    reseal(snapshot)


def test_a_removed_vector_is_found(snapshot: Path, settings: Settings) -> None:
    change_vectors(snapshot, lambda writer: writer.delete([1]))
    assert problems(settings) == ("the vectors do not belong to exactly the stored chunks",)


def test_a_doubled_vector_is_found(snapshot: Path, settings: Settings, counted: CountingEmbedder) -> None:
    change_vectors(snapshot, lambda writer: writer.add([1], counted.embed_passages(["again"])))
    assert problems(settings) == ("the vectors do not belong to exactly the stored chunks",)


def test_vectors_of_another_embedder_are_found(snapshot: Path, settings: Settings) -> None:
    change_vectors(snapshot, lambda writer: writer.add([1], np.ones((1, 7), dtype=np.float32)), dimension=7)
    [problem] = problems(settings)
    assert "of shape (n, 384)" in problem


def test_a_removed_bm25_entry_is_found(snapshot: Path, settings: Settings) -> None:
    writer = stage_lexical(snapshot / LEXICAL)
    writer.delete("0" * 32, [1])
    writer.commit()
    reseal(snapshot)
    assert problems(settings) == ("BM25 does not hold exactly the stored chunks",)


def test_an_edited_chunk_is_found(snapshot: Path, settings: Settings) -> None:
    change(snapshot, "UPDATE chunks SET text = replace(text, '16', '61') WHERE text LIKE '%rank of 16 is%'")
    reseal(snapshot)
    [problem] = problems(settings)
    assert problem.endswith("of file:///handbook/lora.md is not the text at its span")


def test_an_edited_document_is_found(snapshot: Path, settings: Settings) -> None:
    change(snapshot, "UPDATE documents SET text = 'x' || text WHERE uri LIKE '%rag.zh.md'")
    reseal(snapshot)
    assert len(problems(settings)) == 2


def test_a_removed_chunk_is_found_everywhere(snapshot: Path, settings: Settings) -> None:
    change(snapshot, "DELETE FROM chunks WHERE number = 1")
    reseal(snapshot)
    assert problems(settings) == (
        "the manifest and the document store count differently",
        "the vectors do not belong to exactly the stored chunks",
        "BM25 does not hold exactly the stored chunks",
    )


def test_a_file_of_another_kind_is_found(snapshot: Path, settings: Settings) -> None:
    (snapshot / VECTORS / "deleted.npy").write_bytes(b"no vectors at all")
    reseal(snapshot)
    [problem] = problems(settings)
    assert "deleted.npy cannot be used" in problem


def test_a_chunk_that_repeats_none_that_is_indexed_is_found(snapshot: Path, settings: Settings) -> None:
    change(snapshot, "UPDATE chunks SET same_as = 3 WHERE number IN (1, 2)")
    change(snapshot, "UPDATE chunks SET same_as = 1 WHERE number = 2")
    reseal(snapshot)
    assert "a chunk repeats another that is not indexed" in problems(settings)
