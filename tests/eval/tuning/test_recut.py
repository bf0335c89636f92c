"""A collection is cut in other ways beside itself, from its own text, and with the vectors it has."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from eval.tuning.recut import drop_recut, recut
from ingest.choices import StoreKind
from ingest.embed import Embedder
from ingest.errors import UsageError
from ingest.settings import Settings
from ingest.snapshots.collection import Collection, list_collections
from ingest.snapshots.manifest import read_manifest, write_manifest
from ingest.snapshots.snapshot import open_snapshot
from ingest.stores.spec import StoreSpec
from tests.ingest.snapshot_tools import COLLECTION, assert_sound, current, ingest_handbook, state


def cut_to(settings: Settings, tokens: int) -> Settings:
    chunking = settings.chunking.model_copy(update={"max_tokens": tokens})
    return settings.model_copy(update={"chunking": chunking})


def texts(settings: Settings, collection: str) -> dict[str, str]:
    with closing(open_snapshot(settings.home, collection)) as snapshot:
        summaries = snapshot.documents.document_summaries()
        documents = [snapshot.documents.document(summary.id) for summary in summaries]
    return {document.uri: document.text for document in documents if document}


def chunk_count(settings: Settings, collection: str) -> int:
    with closing(open_snapshot(settings.home, collection)) as snapshot:
        return snapshot.documents.chunk_count()


def killed(*_: object) -> None:
    """What a run does that is interrupted."""
    raise KeyboardInterrupt


def test_the_same_documents_are_cut_anew_and_the_collection_is_left_alone(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest_handbook(settings)
    before = state(Collection(settings.home, COLLECTION).directory)
    with monkeypatch.context() as patched:
        patched.setattr("eval.tuning.recut.ingest_documents", killed)
        with pytest.raises(KeyboardInterrupt):
            recut(cut_to(settings, 32), COLLECTION)
    other = recut(cut_to(settings, 32), COLLECTION)
    assert state(Collection(settings.home, COLLECTION).directory) == before
    assert texts(settings, other) == texts(settings, COLLECTION)
    assert chunk_count(settings, other) > chunk_count(settings, COLLECTION)
    assert_sound(settings, other)
    assert recut(cut_to(settings, 32), COLLECTION) == other

    drop_recut(settings, COLLECTION)
    assert list_collections(settings.home) == [COLLECTION]


def test_the_current_way_is_the_collection_itself(settings: Settings) -> None:
    ingest_handbook(settings)
    assert recut(settings, COLLECTION) == COLLECTION


def test_a_chunk_that_stays_as_it_was_is_not_embedded_again(
    settings: Settings, embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest_handbook(settings)

    def refuse(*_: object) -> np.ndarray:
        raise AssertionError("a text was embedded that has a vector")

    monkeypatch.setattr(type(embedder), "embed_passages", refuse)
    # Every section is shorter than either, so that nothing changes but the specification.
    assert chunk_count(settings, recut(cut_to(settings, 200), COLLECTION)) == chunk_count(
        settings, COLLECTION
    )


def test_a_collection_in_milvus_is_refused(settings: Settings) -> None:
    ingest_handbook(settings)
    manifest = read_manifest(current(settings))
    write_manifest(current(settings), replace(manifest, store=StoreSpec(StoreKind.MILVUS, "there")))
    with pytest.raises(UsageError, match="is in Milvus"):
        recut(cut_to(settings, 32), COLLECTION)
