"""What the ingest tests share: the real embedder, loaded once and counted, and folders of real files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from ingest import pipeline
from ingest.embed import Embedder, EmbedderSpec, Matrix, TokenCounter, Vector


class CountingEmbedder:
    """The real embedder; counts how often it is loaded and how many passages it embeds."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.loaded = 0
        self.passages = 0

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
        self.passages += len(texts)
        return self._embedder.embed_passages(texts)

    def embed_query(self, text: str) -> Vector:
        return self._embedder.embed_query(text)

    def load(self, *_: object) -> CountingEmbedder:
        """In place of ``load_embedder``."""
        self.loaded += 1
        return self


@pytest.fixture
def counted(embedder: Embedder, monkeypatch: pytest.MonkeyPatch) -> CountingEmbedder:
    """Let ingests in this process share the loaded embedder, and count what they ask of it."""
    counting = CountingEmbedder(embedder)
    monkeypatch.setattr(pipeline, "load_embedder", counting.load)
    return counting


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
