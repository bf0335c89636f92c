"""A large collection made quickly: real files and real chunks, with vectors drawn by chance."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from ingest.build import Build
from ingest.chunking.chunk import ChunkingSpec
from ingest.embed import EmbedderSpec, Matrix, TokenCounter, Vector, spec_from_settings
from ingest.embedders.model_files import local_model_directory
from ingest.embedders.tokenizer import ModelTokenizer
from ingest.parse import parse_file
from ingest.progress import Silent
from ingest.settings import Settings
from ingest.snapshots.collection import Collection
from ingest.snapshots.docstore_rows import Origin
from ingest.snapshots.unfinished import UnfinishedWork


class RandomEmbedder:
    """The tokenizer of a real embedder, with random unit vectors: an index costs the same."""

    def __init__(self, spec: EmbedderSpec) -> None:
        self._spec = spec
        self._tokenizer = ModelTokenizer(local_model_directory(spec.model))
        self._random = np.random.default_rng(7)

    @property
    def spec(self) -> EmbedderSpec:
        return self._spec

    @property
    def tokens(self) -> TokenCounter:
        return self._tokenizer

    @property
    def special_tokens(self) -> int:
        return self._tokenizer.special_tokens

    def embed_passages(self, texts: Sequence[str]) -> Matrix:
        """Unit vectors of any direction; shape (len(texts), dimension), float32."""
        drawn = self._random.standard_normal((len(texts), self._spec.dimension), dtype=np.float32)
        return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)

    def embed_query(self, text: str) -> Vector:
        """A unit vector of any direction; shape (dimension,), float32."""
        return self.embed_passages([text])[0]


def build_collection(name: str, paths: Sequence[Path], settings: Settings) -> int:
    """Put files into a collection as an ingest would, with random vectors; how many chunks it has."""
    target, spec = Collection(settings.home, name), spec_from_settings(settings.embedder)
    with (
        target.writing(),
        closing(UnfinishedWork(target.work / "unfinished.sqlite")) as unfinished,
        Build(
            target,
            spec,
            ChunkingSpec.from_settings(settings.chunking),
            settings.dense,
            lambda: RandomEmbedder(spec),
            unfinished,
            keep_snapshots=settings.ingest.keep_snapshots,
            find_twins=settings.ingest.near_duplicates,
        ) as build,
    ):
        for path in paths:
            document = parse_file(path)
            origin = Origin(document.uri, hashlib.sha256(path.read_bytes()).hexdigest())
            build.put(document, origin)
            build.finish_source(origin)
        build.embed(Silent())
        build.publish()
        unfinished.clear()
    return build.report.chunks_total
