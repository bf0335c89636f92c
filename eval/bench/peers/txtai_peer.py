"""txtai: a hybrid index with content, its dense part as it comes (an approximate FAISS index)."""

from __future__ import annotations

from importlib import import_module

import numpy as np

from eval.bench.peers.peer import K, Searches, Vector
from eval.bench.retrieval_corpus import Matrix

_LIBRARY = import_module("txtai")


def open_peer(texts: list[str], vectors: Matrix) -> Searches:
    """Its hybrid search; vectors come through its external transform."""
    rows = {text: row for row, text in enumerate(texts)}
    asked: dict[str, Vector] = {}

    def transform(batch: list[str]) -> Matrix:
        return np.stack([asked[text] if text in asked else vectors[rows[text]] for text in batch])

    index = _LIBRARY.Embeddings(method="external", transform=transform, hybrid=True, content=True)
    index.index(enumerate(texts))

    def search(question: str, vector: Vector) -> list[int]:
        asked[question] = vector
        return [int(found["id"]) for found in index.search(question, K)]

    return {"txtai hybrid": search}
