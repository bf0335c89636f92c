"""What the ingest tests share: counted embedders, parsing without processes, folders of real files."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
import pytest

from ingest import pipeline
from ingest.embed import Embedder, EmbedderSpec, Matrix, TokenCounter, Vector
from ingest.parse import ParseLimits
from ingest.settings import Settings, load_settings
from ingest.workers.messages import ParseTask
from ingest.workers.pool import ParseResult, WorkerLimits
from ingest.workers.process import parse_task


class CountingEmbedder:
    """An embedder; counts how often it is loaded and how many passages it embeds.

    ``interrupt_after`` is after how many more calls it acts as if the operator had pressed Ctrl-C.
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.loaded = 0
        self.passages = 0
        self.texts: list[str] = []
        self.interrupt_after: int | None = None

    @property
    def spec(self) -> EmbedderSpec:
        return self._embedder.spec

    @property
    def tokens(self) -> TokenCounter:
        return self._embedder.tokens

    @property
    def special_tokens(self) -> int:
        return self._embedder.special_tokens

    def embed_passages(self, texts: Sequence[str]) -> Matrix:
        if self.interrupt_after is not None:
            self.interrupt_after -= 1
            if self.interrupt_after < 0:
                raise KeyboardInterrupt
        self.passages += len(texts)
        self.texts.extend(texts)
        return self._embedder.embed_passages(texts)

    def embed_query(self, text: str) -> Vector:
        return self._embedder.embed_query(text)

    def load(self, *_: object) -> CountingEmbedder:
        """In place of ``load_embedder``."""
        self.loaded += 1
        return self

    def forget(self) -> None:
        """Count from here on."""
        self.loaded = self.passages = 0
        self.texts.clear()


class WordEmbedder:
    """Vectors by the words of a text: quick, and the same whatever else is in the batch."""

    def __init__(self, embedder: Embedder) -> None:
        self.spec = embedder.spec
        self.tokens = embedder.tokens
        self.special_tokens = embedder.special_tokens

    def embed_passages(self, texts: Sequence[str]) -> Matrix:
        return np.stack([self.embed_query(text) for text in texts])

    def embed_query(self, text: str) -> Vector:
        vector = np.full(self.spec.dimension, 1e-3, dtype=np.float32)
        for word in re.findall(r"\w+", text.lower()):
            vector[zlib.crc32(word.encode()) % self.spec.dimension] += 1
        return (vector / np.linalg.norm(vector)).astype(np.float32)


@dataclass
class CountedParsing:
    """Parses in this process, in place of ``ParserPool``; ``names`` are those of what was parsed."""

    names: list[str] = field(default_factory=list[str])
    limits: ParseLimits = field(default_factory=ParseLimits)

    def open(self, _: int, limits: WorkerLimits) -> CountedParsing:
        """In place of the pool's constructor."""
        self.limits = limits.parse
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def parse(self, tasks: Iterable[ParseTask]) -> Iterator[ParseResult]:
        for task in tasks:
            self.names.append(task.name)
            content = task.content if task.path is None else task.path.read_bytes()
            sha256 = hashlib.sha256(content or b"").hexdigest()
            for part in parse_task(task, self.limits):
                yield ParseResult(task.key, part, sha256, last=False)
            yield ParseResult(task.key, None, sha256, last=True)


@pytest.fixture
def settings(home: Path, tmp_path: Path) -> Settings:
    """The defaults, with a home of this test's own, and one process that parses: that starts soonest."""
    return load_settings({"home": home, "ingest.workers": 1}, environment={}, directory=tmp_path)


@pytest.fixture
def counted(embedder: Embedder, monkeypatch: pytest.MonkeyPatch) -> CountingEmbedder:
    """Let ingests in this process share the loaded embedder, and count what they ask of it."""
    return _install(CountingEmbedder(embedder), monkeypatch)


@pytest.fixture
def words(embedder: Embedder, monkeypatch: pytest.MonkeyPatch) -> CountingEmbedder:
    """As ``counted``, with vectors that cost nothing."""
    return _install(CountingEmbedder(WordEmbedder(embedder)), monkeypatch)


def _install(counting: CountingEmbedder, monkeypatch: pytest.MonkeyPatch) -> CountingEmbedder:
    monkeypatch.setattr(pipeline, "load_embedder", counting.load)
    return counting


@pytest.fixture
def parsing(monkeypatch: pytest.MonkeyPatch) -> CountedParsing:
    """Let ingests parse in this process, and list what they parse."""
    parsing = CountedParsing()
    monkeypatch.setattr(pipeline, "ParserPool", parsing.open)
    return parsing


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three small files: two English, one Chinese, one of them in a subfolder."""
    folder = tmp_path / "docs"
    (folder / "zh").mkdir(parents=True)
    (folder / "lora.md").write_text(
        "# LoRA\n\nLoRA trains two small matrices.\n\n## Rank\n\nA rank of 16 is the default.\n", "utf-8"
    )
    (folder / "backup.txt").write_text("Copy the home directory while the server runs.\n", "utf-8")
    (folder / "zh" / "rag.md").write_text("# 检索增强生成\n\n先检索相关段落，再回答问题。\n", "utf-8")
    return folder
