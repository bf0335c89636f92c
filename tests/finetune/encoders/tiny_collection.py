"""A collection of documents about a few things each, embedded by a tiny embedder."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

from finetune.encoders.collection import embedder_loader
from ingest.build import Build
from ingest.choices import EmbedderBackend
from ingest.chunking.chunk import ChunkingSpec
from ingest.embed import EmbedderSpec
from ingest.progress import Silent
from ingest.settings import Settings, load_settings
from ingest.snapshots.collection import Collection
from ingest.snapshots.docstore import Origin
from ingest.snapshots.unfinished import UnfinishedWork
from tests.finetune.encoders.tiny_models import IN_DOCUMENTS, WIDTH, WINDOW, said, things
from tests.small_handbook import make_document

NAME = "things"


def tiny_settings(home: Path) -> Settings:
    """Settings of a home of its own, which take no two documents for the same."""
    home.mkdir(parents=True, exist_ok=True)
    wanted = {"home": home, "collection": NAME, "ingest.near_duplicates": False}
    return load_settings(wanted, environment={}, directory=home)


def write_collection(settings: Settings, embedder: Path, count: int, spoken: str = "en") -> str:
    """Publish ``count`` documents; returns the snapshot."""
    spec = EmbedderSpec(EmbedderBackend.SENTENCE_TRANSFORMERS, str(embedder), WIDTH, WINDOW)
    target = Collection(settings.home, NAME)
    with target.writing(), closing(UnfinishedWork(target.make_work() / "test.sqlite")) as unfinished:
        chunking = replace(ChunkingSpec.from_settings(settings.chunking), max_tokens=32, context_tokens=4)
        with Build(
            target, spec, chunking, settings.dense, embedder_loader(settings, spec), unfinished,
            keep_snapshots=3, find_twins=False,
        ) as build:  # fmt: skip
            for number, about in enumerate(things(count)):
                document = make_document(f"{number}.md", "note", said(IN_DOCUMENTS, about), spoken)
                build.put(document, Origin(f"file:///source/{number}", f"key {number}"))
            build.embed(Silent())
            build.publish()
    return target.require_current().name
